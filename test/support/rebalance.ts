// Connections that were all begun on nginx, and are shared anew when there is Apache, which accepts none
// before its next request (its default accept filter).
import { setTimeout as delay } from 'node:timers/promises';
import type { ShareView } from '../../src/admin/services.ts';
import type { Step } from '../programs/moving-client.ts';
import { allOpen } from './drain.ts';
import type { TestLab } from './lab.ts';
import { faultOf, move, withServicesLab } from './moves.ts';
import { baton, standing } from './server-commands.ts';

const SERVICES = `pools:
  - { name: all, servers: [server1, server2], policy: round-robin }
services:
  - { name: web, vip: [192.0.2.80], port: 80, requests: per-request, pool: all }
`;

export interface Rebalanced {
  /** what the dry run said */
  planned: ShareView[];
  /** connections of the first server after the dry run, and some time after the real one */
  before: number;
  after: number;
  /** faults of connections, without those that have none */
  faults: string[];
  /** second answers by the second server */
  answeredThere: number;
  reopened: number;
}

async function rebalanceNow(lab: TestLab, idle: number, pauseMs: number): Promise<Rebalanced> {
  await baton(lab, 'servers', 'maint', 'server2');
  const again: Step = { method: 'GET', target: '/1k', bytes: 1000 };
  const idling = move(lab, { connections: idle, steps: [{ ...again, next: pauseMs }, again] });
  await allOpen(lab, idle);
  await delay(500);
  await baton(lab, 'servers', 'ready', 'server2');
  const { output } = await baton(lab, 'rebalance', '--dry-run', '--json');
  const { active: before } = await standing(lab, 'server1');
  await baton(lab, 'rebalance');
  await delay(1000);
  const { active: after } = await standing(lab, 'server1');
  const outcomes = await idling;
  const { total } = await lab.stats('switch');
  return {
    planned: JSON.parse(output) as ShareView[],
    before,
    after,
    faults: outcomes.map((outcome) => faultOf(outcome, 2)).filter((fault) => fault !== ''),
    answeredThere: outcomes.filter(({ seen }) => seen[1]?.server === 'Apache').length,
    reopened: total.counters['cookiesSent']! - idle,
  };
}

export async function rebalanced(idle: number, pauseMs: number): Promise<Rebalanced> {
  let done: Rebalanced | undefined;
  await withServicesLab(SERVICES, { servers: 2, serverKinds: ['nginx', 'apache'] }, async (lab) => {
    done = await rebalanceNow(lab, idle, pauseMs);
  });
  return done!;
}
