// A server drained with --move under idle and busy keep-alive connections: what its clients see, and when
// it is empty. For the acceptance line, and its short part.
import { setTimeout as delay } from 'node:timers/promises';
import { tellAdmin } from '../../src/admin/client.ts';
import type { StandingView } from '../../src/admin/services.ts';
import { monotonicMs } from '../../src/clock.ts';
import { adminSocket } from '../../src/lab/cluster-config.ts';
import type { Outcome, Step } from '../programs/moving-client.ts';
import type { TestLab } from './lab.ts';
import { faultOf, move, withServicesLab } from './moves.ts';

const SERVICES = `pools:
  - { name: all, servers: [server1, server2, server3], policy: round-robin }
services:
  - { name: web, vip: [192.0.2.80], port: 80, requests: per-request, pool: all }
`;
const DRAINED = 'server1';
const LOOK_MS = 20;

export interface DrainPlan {
  idle: number;
  busy: number;
  /** how long the busy ones' answers take */
  busyMs: number;
  /** between a connection's two requests */
  pauseMs: number;
}

export interface Drained {
  /** faults of connections, '' = none of any */
  faults: string[];
  /** connections of the drained server when it was drained */
  before: number;
  /** ms from the drain until it had no more than its busy ones */
  idleLeftMs: number;
  /** ms from the end of the last busy request, at the latest, until it had none; <= 0: before */
  emptyMs: number;
  /** connections that clients opened beyond their first one, as far as the switch can tell */
  reopened: number;
  /** second answers by the drained server */
  answeredThere: number;
  parked: number;
}

async function activeAt(lab: TestLab): Promise<number[]> {
  const servers = await lab.admin<StandingView[]>('switch', '/servers');
  return servers.map(({ active }) => active);
}

/** When the server has at most so many connections; Infinity after `limitMs`. */
async function untilAtMost(lab: TestLab, most: number, limitMs: number): Promise<number> {
  const endMs = monotonicMs() + limitMs;
  while (monotonicMs() < endMs) {
    const [active = 0] = await activeAt(lab);
    if (active <= most) return monotonicMs();
    await delay(LOOK_MS);
  }
  return Infinity;
}

/** Waits until all have their first answer, or wait for it. */
export async function allOpen(lab: TestLab, count: number): Promise<void> {
  const endMs = monotonicMs() + 10_000;
  const sum = async () => (await activeAt(lab)).reduce((total, active) => total + active, 0);
  while ((await sum()) < count) {
    if (monotonicMs() > endMs) throw new Error(`not all ${count} connections are open`);
    await delay(LOOK_MS);
  }
}

function seconds(outcomes: Outcome[]): string[] {
  return outcomes.flatMap(({ seen }) => seen[1]?.server ?? []);
}

async function drainNow(lab: TestLab, plan: DrainPlan): Promise<Drained> {
  const again: Step = { method: 'GET', target: '/bytes/1000', bytes: 1000 };
  const idleSteps = [{ ...again, next: plan.pauseMs }, again];
  const slow: Step = { method: 'GET', target: `/slow/${plan.busyMs}`, bytes: -1 };
  const idling = move(lab, { connections: plan.idle, steps: idleSteps });
  await allOpen(lab, plan.idle);
  await delay(500);
  const busySteps = [{ ...slow, next: plan.pauseMs }, again];
  const working = move(lab, { connections: plan.busy, steps: busySteps });
  await allOpen(lab, plan.idle + plan.busy);
  const busyEndMs = monotonicMs() + plan.busyMs;
  const [before = 0] = await activeAt(lab);
  const drainedMs = monotonicMs();
  const query = `/servers/drain?name=${DRAINED}&move=true`;
  await tellAdmin(adminSocket(lab.directory, 'switch'), query);
  const busyThere = Math.ceil(plan.busy / 3) + 1;
  const idleLeftMs = (await untilAtMost(lab, busyThere, plan.pauseMs)) - drainedMs;
  const emptyMs = (await untilAtMost(lab, 0, plan.busyMs + plan.pauseMs)) - busyEndMs;
  const outcomes = [...(await idling), ...(await working)];
  const stats = await lab.stats('switch');
  const faults = outcomes.map((outcome) => faultOf(outcome, 2)).filter((fault) => fault !== '');
  const opened = stats.total.counters['cookiesSent']!;
  const { parked } = stats.control as { parked: number };
  return {
    faults,
    before,
    idleLeftMs,
    emptyMs,
    reopened: opened - plan.idle - plan.busy,
    answeredThere: seconds(outcomes).filter((server) => server === DRAINED).length,
    parked,
  };
}

export async function drainUnderLoad(plan: DrainPlan): Promise<Drained> {
  let drained: Drained | undefined;
  await withServicesLab(SERVICES, { servers: 3 }, async (lab) => {
    drained = await drainNow(lab, plan);
  });
  return drained!;
}
