import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import { compileCore, instantiateExports } from '../../src/core.ts';
import type { CoreHost } from '../support/core-host.ts';
import { Random } from '../../src/lab/random.ts';
import { lookup, reportOf, startThreads, stress, stressHost } from '../table/stress.ts';
import { keyTuple } from '../threads/table-keys.ts';

// Four threads on one table. Short here; the acceptance line `table` makes a long run of it.

const threads = suite('table of four threads');
const KEYS = { own: 120, shared: 60 };
const FEW_KEYS = { own: 2, shared: 8 };
const OPERATIONS = 100_000;
const DEATHS = 15;
const module = await compileCore();
const ENDLESS = { module, lossy: true, operations: Infinity };

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether an entry is of the connection whose tuple was looked up last. */
function isOf(host: CoreHost, entry: number, key: number): boolean {
  const { client } = keyTuple(KEYS, 0, key);
  return (
    host.connections.isIndex(entry) &&
    host.connections.state(entry) >= L.STATE_GATHERING &&
    Buffer.compare(host.connections.client(entry), client) === 0
  );
}

for (const table of ['keyed', 'paper'] as const) {
  threads(`each key is what its owner made it, and no packet was torn (${table})`, async () => {
    // fewer entries than keys, so that the pool is empty at times; few buckets, so that they meet
    const options = { module, table, keys: KEYS, connections: 256, operations: OPERATIONS };
    const { forwarded, failures } = await stress(options);
    assert.equal(failures, []);
    assert.ok(forwarded > OPERATIONS / 40, `${forwarded} packets forwarded`);
  });

  threads(`the same on 16 keys (${table})`, async () => {
    const options = { module, table, keys: FEW_KEYS, connections: 8, operations: OPERATIONS };
    assert.equal((await stress(options)).failures, []);
  });
}

threads('owners that die half-way through a write block no bucket and tear no packet', async () => {
  const host = stressHost({ module, table: 'keyed', connections: 256 });
  const workers = startThreads(host, { ...ENDLESS, keys: KEYS });
  const reports = Promise.all(workers.map(reportOf));
  const built = await compileCore('debug');
  const debug = instantiateExports(built, host.core.memory) as Record<string, Function>;
  const random = new Random(5);
  let lost = 0;
  while (host.linked() < 100) await sleep(5);
  for (let death = 0; death < DEATHS; death += 1) {
    const dead = 100 + (death % 100);
    const key = KEYS.own + random.below(KEYS.shared);
    const entry = lookup(host, KEYS, 0, key);
    if (debug['debugLock']!(dead, L.CONTROL_TUPLE) === 0) continue;
    // locked now: if the entry is still of this key, nobody else may touch it
    if (isOf(host, entry, key)) debug['debugHalfWrite']!(dead, entry);
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
  for (let round = 0; round < 2; round += 1) {
    // the threads of a round know of no entries that one before has left
    const host = stressHost({ module, table: 'keyed', connections: 256 });
    const workers = startThreads(host, { ...ENDLESS, keys: KEYS, seed: 50 + round });
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
