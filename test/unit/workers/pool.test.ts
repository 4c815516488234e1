// Needs the rights of root; runs in a network namespace of its own, with the engine that can be had there.
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { Connections } from '../../../src/connections.ts';
import { compileCore, instantiateCore, instantiateExports } from '../../../src/core.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../../src/memory-map.ts';
import { chooseEngine, deviceBytes, openDevice } from '../../../src/packet-io/engine.ts';
import { EventfdWaker } from '../../../src/packet-io/waker.ts';
import { COMMAND_EXIT, COMMAND_SPIN, COMMAND_THROW } from '../../../src/workers/debug-command.ts';
import { WorkerPool, type Replacement } from '../../../src/workers/pool.ts';
import { FromControlReader, FromControlWriter } from '../../../src/workers/rings.ts';
import { runInNamespace } from '../../support/namespace.ts';

const pool = suite('pool');
const BUSY = 0x7ffffffe;
const WORKERS = 2;

interface DebugExports {
  debugLock(owner: number, tuple: number): number;
}

async function setUp() {
  const engine = chooseEngine('auto');
  const module = await compileCore('debug');
  const map = memoryMap({
    role: 'switch',
    connections: 64,
    workers: WORKERS,
    slots: 4,
    deviceBytes: deviceBytes(engine, WORKERS),
    seeds: [1n, 2n],
  });
  const memory = createMemory(map);
  writeMemoryMap(memory, map);
  const core = instantiateCore(module, memory);
  core.initialise();
  const debug = instantiateExports(module, memory) as unknown as DebugExports;
  const open = openDevice(engine, 'biopool0', WORKERS, memory, map.deviceBases);
  const { fds, rings } = open;
  const wakers = fds.map(() => new EventfdWaker());
  const replaced: Replacement[] = [];
  const controlOwner = core.nextOwner();
  const workers = new WorkerPool({
    memory,
    module,
    core,
    controlOwner,
    fds,
    rings,
    wakers,
    onReplaced: (replacement) => replaced.push(replacement),
    debug: true,
  });
  await workers.ready();
  const close = async (): Promise<number> => {
    const started = performance.now();
    await workers.stop();
    const took = performance.now() - started;
    open.close();
    for (const waker of wakers) waker.close();
    return took;
  };
  return { core, debug, memory, wakers, workers, replaced, controlOwner, close };
}

async function until(isTrue: () => boolean, limitMs: number): Promise<number> {
  const started = performance.now();
  while (!isTrue()) {
    if (performance.now() - started > limitMs) throw new Error(`not within ${limitMs} ms`);
    await delay(1);
  }
  return performance.now() - started;
}

pool('workers that sleep stop within 100 ms', async () => {
  const { workers, memory, close } = await setUp();
  const view = new DataView(memory.buffer);
  const base = view.getUint32(L.HEADER_WORKER_BASE, true);
  await until(() => view.getUint32(base + L.WORKER_SLEEPING, true) === 1, 1000);
  assert.is(workers.threads, WORKERS);
  const took = await close();
  assert.ok(took < 100, `${took} ms`);
});

pool('a packet of control wakes a sleeping worker, which takes it at once', async () => {
  const { memory, wakers, close } = await setUp();
  const writer = new FromControlWriter(memory, wakers);
  const reader = new FromControlReader(memory, 1);
  await delay(50);
  for (let round = 0; round < 5; round += 1) {
    writer.push({ worker: 1, packet: Uint8Array.of(0x45) });
    await until(() => reader.isEmpty(), 100);
    await delay(5);
  }
  await close();
});

for (const [name, command] of [
  ['throws', COMMAND_THROW],
  ['exits', COMMAND_EXIT],
] as const) {
  pool(`a worker that ${name} is replaced, and the bucket that it had locked is free`, async () => {
    const { core, debug, memory, workers, replaced, controlOwner, close } = await setUp();
    const connections = new Connections(memory.buffer);
    const key = {
      client: Uint8Array.of(10, 0, 0, 1),
      clientPort: 1000,
      local: Uint8Array.of(192, 0, 2, 80),
      localPort: 80,
    };
    connections.writeTuple(key);
    const deadOwner = workers.owner(1);
    assert.is.not(debug.debugLock(deadOwner, L.CONTROL_TUPLE), 0);
    connections.template().key(key).state(L.STATE_FORWARD);
    assert.is(core.insert(controlOwner, L.CONTROL_TEMPLATE), BUSY);
    const heartbeat = workers.heartbeat(0);
    workers.command(1, command);
    const took = await until(() => replaced.length === 1, 1000);
    assert.ok(took < 100, `${took} ms`);
    connections.template().key(key).state(L.STATE_FORWARD);
    assert.ok(connections.isIndex(core.insert(controlOwner, L.CONTROL_TEMPLATE)));
    assert.is(replaced[0]?.worker, 1);
    assert.is(replaced[0]?.deadOwner, deadOwner);
    assert.is.not(workers.owner(1), deadOwner);
    const passes = workers.heartbeat(1);
    await until(() => workers.heartbeat(1) > passes && workers.heartbeat(0) > heartbeat, 2000);
    assert.ok((await close()) < 100);
    assert.is(replaced.length, 1);
  });
}

pool(
  'a worker that makes no pass any more is terminated and replaced; sleeping ones are not',
  async () => {
    const { workers, replaced, close } = await setUp();
    const deadOwner = workers.owner(1);
    workers.command(1, COMMAND_SPIN);
    const took = await until(() => replaced.length === 1, 8000);
    assert.ok(took > 2500, `${took} ms`);
    assert.match(replaced[0]!.reason, /hung/);
    assert.is(replaced[0]?.worker, 1);
    assert.is(replaced[0]?.deadOwner, deadOwner);
    const passes = workers.heartbeat(1);
    await until(() => workers.heartbeat(1) > passes, 2000);
    assert.ok((await close()) < 100);
    assert.is(replaced.length, 1);
  },
);

runInNamespace(pool, 5);
