// A server's host is cut off with idle keep-alive connections on it: what their clients see of it. For the
// acceptance line, and its short part.
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../src/clock.ts';
import { cutOff } from '../../src/lab/strikes.ts';
import type { Step } from '../programs/moving-client.ts';
import { allOpen } from './drain.ts';
import type { TestLab, TestLabOptions } from './lab.ts';
import { faultOf, move, withServicesLab } from './moves.ts';
import { standing } from './server-commands.ts';

/** The first requests are for the server that will die. */
const SERVICES = `pools:
  - { name: mortal, servers: [server1], policy: round-robin }
  - { name: all, servers: [server1, server2, server3], policy: round-robin }
services:
  - name: web
    vip: [192.0.2.80]
    port: 80
    requests: per-request
    pool: all
    rules: [{ match: { query: { to: mortal } }, pool: mortal }]
`;
const MORTAL = 'server1';
const LOOK_MS = 20;
/** The channel is lost by then, and the next requests wait. */
const UNTIL_LOST_MS = 1800;

export interface DeathPlan {
  idle: number;
  serverKinds: NonNullable<TestLabOptions['serverKinds']>;
  /** between a connection's two requests; of half of them so much more */
  pauseMs: number;
  laterMs: number;
}

export interface ServerDeath {
  /** connections of the server when it died, and those that its agent had told to be idle */
  before: number;
  told: number;
  /** ms from its death until it counted as down, until the first connection was taken from it */
  downMs: number;
  recoveredMs: number;
  /** faults of connections, without those that have none */
  faults: string[];
  recovered: number;
  /** connections that clients opened beyond their first one, as far as the switch can tell */
  reopened: number;
  /** second answers, by server */
  answeredBy: Record<string, number>;
  /** faults of the switch's control plane */
  switchFaults: number;
}

async function recoveredAt(lab: TestLab): Promise<number> {
  return ((await lab.stats('switch')).control as { recovered: number }).recovered;
}

/** ms until that is so; Infinity after `limitMs`. */
async function until(isSo: () => Promise<boolean>, limitMs: number): Promise<number> {
  const fromMs = monotonicMs();
  while (!(await isSo())) {
    if (monotonicMs() > fromMs + limitMs) return Infinity;
    await delay(LOOK_MS);
  }
  return monotonicMs() - fromMs;
}

async function dieNow(lab: TestLab, plan: DeathPlan): Promise<ServerDeath> {
  const { idle, pauseMs, laterMs } = plan;
  const first: Step = { method: 'GET', target: '/1k?to=mortal', bytes: 1000 };
  const second: Step = { method: 'GET', target: '/1k', bytes: 1000 };
  const groups = [pauseMs, pauseMs + laterMs].map((next) =>
    move(lab, { connections: idle / 2, steps: [{ ...first, next }, second] }),
  );
  await allOpen(lab, 1);
  const firstMs = monotonicMs();
  await allOpen(lab, idle);
  await delay(firstMs + pauseMs - UNTIL_LOST_MS - monotonicMs());
  const { active: before } = await standing(lab, MORTAL);
  const { idleTold: told } = (await lab.stats(MORTAL)).control as { idleTold: number };
  await cutOff(lab, MORTAL);
  const [downMs, recoveredMs] = await Promise.all([
    until(async () => (await standing(lab, MORTAL)).state === 'down', pauseMs),
    until(async () => (await recoveredAt(lab)) > 0, pauseMs),
  ]);
  const outcomes = (await Promise.all(groups)).flat();
  const stats = await lab.stats('switch');
  const answeredBy: Record<string, number> = {};
  for (const { seen } of outcomes) {
    const server = seen[1]?.server ?? 'nobody';
    answeredBy[server] = (answeredBy[server] ?? 0) + 1;
  }
  return {
    before,
    told,
    downMs,
    recoveredMs,
    faults: outcomes.map((outcome) => faultOf(outcome, 2)).filter((fault) => fault !== ''),
    recovered: await recoveredAt(lab),
    reopened: stats.total.counters['cookiesSent']! - idle,
    answeredBy,
    switchFaults: stats.faults,
  };
}

export async function killServer(plan: DeathPlan): Promise<ServerDeath> {
  let death: ServerDeath | undefined;
  const options = { servers: 3, serverKinds: plan.serverKinds };
  await withServicesLab(SERVICES, options, async (lab) => {
    death = await dieNow(lab, plan);
  });
  return death!;
}
