// What the hosts of a lab in placement co-located say of themselves, and what must hold of it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionView, PartView, StatsView } from '../../src/admin/views.ts';
import type { SwitchPlane } from '../../src/control/switch/switch-plane.ts';
import { TestLab, withLab, type TestLabOptions } from './lab.ts';
import { programFile } from './programs.ts';

type Control = ReturnType<SwitchPlane['stats']>;

/** The parts of a lab: the switch in front, each server's distributor and agent. */
export interface Placement {
  front: PartView;
  distributors: PartView[];
  agents: PartView[];
}

export const LINGER_MS = 8000;
/** The whole table is looked at once in that time, by the switch and by agents. */
export const SWEEP_MS = 6000;
/** Sooner than this a switch has told nobody where a connection went. */
const TOLD_MS = 1500;

/** A lab whose closed connections linger for LINGER_MS, with pools of policy round-robin. */
export async function withCoLocated<Result>(
  options: Partial<TestLabOptions>,
  body: (lab: TestLab) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-co-located-'));
  const config = join(folder, 'linger.yaml');
  // hundreds of connections at once, and all hosts on one machine's processors: nobody gives up early
  const patience = 'agentHandoffTimeoutMs: 4000, handoffTimeoutMs: 5000';
  writeFileSync(config, `timing: { lingerMs: ${LINGER_MS}, ${patience} }\n`);
  const fixed = { placement: 'co-located', policy: 'round-robin', servers: 3, config } as const;
  try {
    return await withLab({ ...fixed, ...options }, body);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function controlOf(part: PartView): Control {
  return part.control as unknown as Control;
}

export async function placementOf(lab: TestLab): Promise<Placement> {
  const names = lab.topology.servers.map(({ name }) => name);
  const views = await Promise.all(names.map((name) => lab.admin<StatsView>(name, '/stats')));
  const partsOf = (role: string): PartView[] =>
    views.flatMap(({ parts }) => parts.filter((part) => part.role === role));
  return {
    front: await lab.stats('switch'),
    distributors: partsOf('switch'),
    agents: partsOf('agent'),
  };
}

/** Entries that are not over, `passed` ones included, by state. */
export function openEntries({ table }: PartView): string {
  const open = Object.entries(table.states).filter(([state, count]) => {
    return state !== 'closed' && count > 0;
  });
  return open.map(([state, count]) => `${count} ${state}`).join(', ');
}

export function counter(part: PartView, name: string): number {
  return part.total.counters[name] ?? 0;
}

export interface KeptSeen {
  /** what the clients say: no failure */
  failed: string[];
  requests: number;
  /** connections that went on to another host */
  passed: number;
  /** of those: seconds for which their distributor has seen no packet of them, the least */
  idleSeconds: number;
  /** packets that distributors forwarded for them after the update was confirmed, while requests went on */
  late: number;
  /** packets that the switch forwarded in that time */
  forwarded: number;
}

/** Keep-alive connections with a request every 200 ms, watched after their updates were confirmed. */
export async function watchKept(lab: TestLab, count: number, seconds: number): Promise<KeptSeen> {
  const address = [lab.environment['BATON_VIP']!, lab.environment['BATON_PORT']!];
  const command = [
    'node',
    programFile('keep-alive-client'),
    ...address,
    String(count),
    String(seconds),
  ];
  const run = lab.run('client', command);
  await sleep(TOLD_MS);
  const before = await placementOf(lab);
  await sleep(seconds * 1000 - TOLD_MS - 800);
  const after = await placementOf(lab);
  const views = await Promise.all(
    lab.topology.servers.map(({ name }) => lab.admin<ConnectionView[]>(name, '/connections')),
  );
  const passed = views.flat().filter(({ state }) => state === 'passed');
  const late = ({ distributors }: Placement): number =>
    distributors.reduce((sum, part) => sum + counter(part, 'late'), 0);
  const { stdout } = await run;
  const clients = JSON.parse(stdout) as { requests: number; failed: string[] };
  return {
    ...clients,
    passed: passed.length,
    idleSeconds: Math.min(...passed.map(({ idleSeconds }) => idleSeconds)),
    late: late(after) - late(before),
    forwarded: counter(after.front, 'forwarded') - counter(before.front, 'forwarded'),
  };
}
