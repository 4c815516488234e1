// Four threads at random operations on one table, and what must be true of it afterwards.
import { Worker } from 'node:worker_threads';
import * as L from '../../assembly/layout.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../src/memory-map.ts';
import { instantiateCore } from '../../src/core.ts';
import { isIpv6, keyTuple, serverOf, type Keys } from '../threads/table-keys.ts';
import { MOST_PACKETS } from '../threads/table-worker.ts';
import type { Claim, TableReport, TableTask } from '../threads/table-worker.ts';
import { CoreHost } from '../support/core-host.ts';

export const THREADS = 4;
const SEED = 17;

export interface StressOptions {
  module: WebAssembly.Module;
  table: 'keyed' | 'paper';
  keys: Keys;
  /** entries in the pool: fewer than keys, so that it is empty at times */
  connections: number;
  /** of all threads together */
  operations: number;
  /** a power of two; by default as many as there are entries, rounded up */
  buckets?: number;
  stopsAtFailure?: boolean;
  /** packets at once, default 1 */
  batch?: number;
  seed?: number;
}

export interface StressOutcome {
  operations: number;
  forwarded: number;
  failures: string[];
}

export function stressHost(options: Omit<StressOptions, 'operations' | 'keys'>): CoreHost {
  const { connections, table, module, buckets } = options;
  const map = memoryMap({
    role: 'switch',
    table,
    connections,
    workers: THREADS,
    slots: MOST_PACKETS,
    toControlBytes: 4096,
    fromControlBytes: 4096,
    seeds: [3n, 4n],
    halfOpenLimit: connections,
    services: [{ address: new Uint8Array([192, 0, 2, 80]), port: 80 }],
  });
  const memory = createMemory(map);
  writeMemoryMap(memory, map);
  const core = instantiateCore(module, memory);
  if (buckets !== undefined) core.view.setUint32(L.HEADER_BUCKET_COUNT, buckets, true);
  core.initialise();
  return new CoreHost(core);
}

type ThreadOptions = Pick<TableTask, 'module' | 'keys' | 'operations'> & Partial<TableTask>;

export function startThreads(host: CoreHost, options: ThreadOptions): Worker[] {
  const { memory } = host.core;
  const { seed = SEED, lossy = false, stopsAtFailure = false, batch = 1, ...others } = options;
  return Array.from({ length: THREADS }, (_, thread) => {
    const flags = { lossy, stopsAtFailure, batch };
    const task: TableTask = { ...others, ...flags, memory, thread, seed: seed + thread };
    const file = new URL('./threads-table-worker.mjs', import.meta.url);
    return new Worker(file, { workerData: task });
  });
}

/** What a thread reports; one that ends in an error reports that. */
export function reportOf(worker: Worker): Promise<TableReport> {
  return new Promise((resolve) => {
    const fail = (error: Error): void =>
      resolve({ operations: 0, claims: [], forwarded: 0, failures: [`thread: ${error.message}`] });
    worker.once('message', resolve);
    worker.once('error', fail);
  });
}

export function lookup(host: CoreHost, keys: Keys, thread: number, key: number): number {
  return host.lookup(keyTuple(keys, thread, key));
}

/** The entry's own fields against the claim's. */
function differences(host: CoreHost, key: number, claim: Claim): string[] {
  const { connections } = host;
  const { entry, run, counter, low, state } = claim;
  const server = serverOf(low, isIpv6(key));
  const is = {
    id: connections.id(entry),
    state: connections.state(entry),
    address: Buffer.from(connections.server(entry)).toString('hex'),
    port: connections.serverPort(entry),
  };
  const wanted = {
    id: { run, counter },
    state,
    address: Buffer.from(server.address).toString('hex'),
    port: server.port,
  };
  const [found, expected] = [JSON.stringify(is), JSON.stringify(wanted)];
  return found === expected ? [] : [`key ${key} is ${found}, not ${expected}`];
}

/** Each key has the entry that its one claimant says, and no other; nothing is lost or doubled. */
export function compareTables(host: CoreHost, keys: Keys, reports: TableReport[]): string[] {
  const found: string[] = [];
  const shared = new Map<number, number>();
  let claimed = 0;
  const expectEntry = (thread: number, key: number, entry: number | undefined): void => {
    const is = lookup(host, keys, thread, key);
    if (is !== (entry ?? L.NO_ENTRY)) found.push(`key ${key} is ${is}, not ${entry ?? 'absent'}`);
  };
  for (const [thread, { claims }] of reports.entries()) {
    const known = new Map(claims);
    claimed += known.size;
    for (let key = 0; key < keys.own; key += 1) expectEntry(thread, key, known.get(key)?.entry);
    for (const [key, claim] of claims) {
      found.push(...differences(host, key, claim));
      if (key < keys.own) continue;
      if (shared.has(key)) found.push(`key ${key} has two owners`);
      shared.set(key, claim.entry);
    }
  }
  for (let key = keys.own; key < keys.own + keys.shared; key += 1) {
    expectEntry(0, key, shared.get(key));
  }
  if (host.linked() !== claimed) found.push(`${host.linked()} entries, ${claimed} were made`);
  return found;
}

/** One run on a table of its own. */
export async function stress(options: StressOptions): Promise<StressOutcome> {
  const { operations, ...others } = options;
  const host = stressHost(options);
  const each = Math.ceil(operations / THREADS);
  const workers = startThreads(host, { ...others, operations: each });
  const reports = await Promise.all(workers.map(reportOf));
  const sum = (field: 'operations' | 'forwarded'): number =>
    reports.reduce((total, report) => total + report[field], 0);
  const failures = reports.flatMap((report) => report.failures);
  if (failures.length === 0) {
    failures.push(...compareTables(host, options.keys, reports), ...host.faults());
  }
  return { operations: sum('operations'), forwarded: sum('forwarded'), failures };
}
