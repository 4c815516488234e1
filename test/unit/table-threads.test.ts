import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import { compileCore, createCore, instantiateExports } from '../../src/core.ts';
import { CoreHost } from '../support/core-host.ts';
import { Random } from '../support/random.ts';
import { OWN_KEYS, SHARED_KEYS, keyNumber } from '../threads/table-worker.ts';
import type { TableReport, TableTask } from '../threads/table-worker.ts';

// Four threads on one table. Short here; TABLE_OPERATIONS=10000000 makes a long run of it.

const threads = suite('table of four threads');
const THREADS = 4;
const LONG = Number(process.env['TABLE_OPERATIONS'] ?? 0);
const OPERATIONS = LONG > 0 ? Math.ceil(LONG / THREADS) : 25_000;
const DEATHS = LONG > 0 ? 400 : 15;

async function makeHost(table: 'keyed' | 'paper', connections: number): Promise<CoreHost> {
  const core = await createCore({
    role: 'switch',
    table,
    connections,
    workers: THREADS,
    slots: 1,
    toControlBytes: 4096,
    fromControlBytes: 4096,
    seeds: [3n, 4n],
    halfOpenLimit: connections,
    services: [{ address: new Uint8Array([192, 0, 2, 80]), port: 80 }],
  });
  return new CoreHost(core);
}

async function start(host: CoreHost, options: Partial<TableTask>): Promise<Worker[]> {
  const module = await compileCore();
  const { memory } = host.core;
  return Array.from({ length: THREADS }, (_, thread) => {
    const seed = 17 + thread;
    const task = { module, memory, thread, seed, operations: OPERATIONS, lossy: false, ...options };
    const file = new URL('./threads-table-worker.mjs', import.meta.url);
    return new Worker(file, { workerData: task satisfies TableTask });
  });
}

function reportOf(worker: Worker): Promise<TableReport> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function lookup(host: CoreHost, thread: number, key: number): number {
  const number = keyNumber(thread, key);
  const client = new Uint8Array([10, 3, number >>> 8, number & 255]);
  const local = new Uint8Array([192, 0, 2, 80]);
  return host.lookup({ client, clientPort: 7000 + key, local, localPort: 80 });
}

function isOfTuple(host: CoreHost, entry: number): boolean {
  const client = host.header(L.CONTROL_TUPLE + L.TUPLE_CLIENT_ADDRESS);
  return (
    host.connections.state(entry) >= L.STATE_GATHERING &&
    host.connections.entry32(entry, L.ENTRY_CLIENT_ADDRESS4) === client
  );
}

/** Each key has the entry that its one claimant says, and no other. */
function checkClaims(host: CoreHost, reports: TableReport[]): void {
  const shared = new Map<number, number>();
  let claimed = 0;
  reports.forEach(({ claims }, thread) => {
    const known = new Map(claims);
    claimed += known.size;
    for (let key = 0; key < OWN_KEYS; key += 1) {
      assert.is(lookup(host, thread, key), known.get(key) ?? L.NO_ENTRY);
    }
    for (const [key, entry] of claims.filter(([each]) => each >= OWN_KEYS)) {
      assert.not(shared.has(key), `key ${key} has two owners`);
      shared.set(key, entry);
      assert.is(host.connections.id(entry).run, thread + 1);
    }
  });
  for (let key = OWN_KEYS; key < OWN_KEYS + SHARED_KEYS; key += 1) {
    assert.is(lookup(host, 0, key), shared.get(key) ?? L.NO_ENTRY);
  }
  assert.is(host.linked(), claimed);
}

for (const table of ['keyed', 'paper'] as const) {
  threads(`each key is what its owner made it, and no packet was torn (${table})`, async () => {
    // fewer entries than keys, so that the pool is empty at times; few buckets, so that they meet
    const host = await makeHost(table, 256);
    const reports = await Promise.all((await start(host, {})).map(reportOf));
    assert.equal(
      reports.flatMap(({ failures }) => failures),
      [],
    );
    checkClaims(host, reports);
    assert.equal(host.faults(), []);
    const forwarded = reports.reduce((sum, report) => sum + report.forwarded, 0);
    assert.ok(forwarded > OPERATIONS / 10, `${forwarded} packets forwarded`);
  });
}

threads('owners that die half-way through a write block no bucket and tear no packet', async () => {
  const host = await makeHost('keyed', 256);
  const workers = await start(host, { lossy: true, operations: Infinity });
  const reports = Promise.all(workers.map(reportOf));
  const module = await compileCore('debug');
  const debug = instantiateExports(module, host.core.memory) as Record<string, Function>;
  const random = new Random(5);
  let lost = 0;
  while (host.linked() < 100) await sleep(5);
  for (let death = 0; death < DEATHS; death += 1) {
    const dead = 100 + (death % 100);
    const entry = lookup(host, 0, OWN_KEYS + random.below(SHARED_KEYS));
    if (debug['debugLock']!(dead, L.CONTROL_TUPLE) === 0) continue;
    // locked now: if the entry is still of this key, nobody else may touch it
    const { entryCount } = host.connections;
    const same = entry < entryCount && isOfTuple(host, entry);
    if (same) debug['debugHalfWrite']!(dead, entry);
    debug['debugReserve']!(dead);
    await sleep(random.below(4));
    lost += host.core.releaseOwner(host.owner, dead);
    await sleep(random.below(4));
  }
  Atomics.store(host.core.words, L.HEADER_STOP >>> 2, 1);
  assert.equal(
    (await reports).flatMap(({ failures }) => failures),
    [],
  );
  assert.ok(lost > 0, 'no connection was lost');
  assert.equal(host.faults(), []);
});

threads('a thread that is terminated leaves a whole table behind', async () => {
  const host = await makeHost('keyed', 256);
  for (let round = 0; round < 2; round += 1) {
    Atomics.store(host.core.words, L.HEADER_STOP >>> 2, 0);
    const workers = await start(host, { lossy: true, operations: Infinity, seed: 50 + round });
    const reports = workers.slice(1).map(reportOf);
    while (host.linked() < 100) await sleep(5);
    await sleep(20);
    await workers[0]!.terminate();
    host.core.releaseOwner(host.owner, 1); // WORKER_OWNER of worker 0
    await sleep(20);
    Atomics.store(host.core.words, L.HEADER_STOP >>> 2, 1);
    const failures = (await Promise.all(reports)).flatMap((report) => report.failures);
    assert.equal(failures, []);
    assert.equal(host.faults(), []);
  }
});

threads.run();
