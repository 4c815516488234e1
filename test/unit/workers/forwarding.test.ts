import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import * as V from '../../../assembly/verdict.ts';
import { MemoryDevice } from '../../../src/packet-io/memory.ts';
import { Forwarding, type ForwardingCore } from '../../../src/workers/forwarding.ts';
import { FromControlWriter } from '../../../src/workers/rings.ts';
import { counterOf, workerMemory, type WorkerMemory } from '../../support/worker-memory.ts';

const forwarding = suite('forwarding');
const RING = 4096;

/** A core whose verdict is the packet's first byte; it notes the calls. */
function simpleCore(shared: WorkerMemory, calls: string[]): ForwardingCore {
  const { view, records } = shared;
  const verdictOf = (slot: number): number => view.getUint8(slot + L.SLOT_PACKET);
  const bump = (index: number): void => {
    const at = records[0]! + L.WORKER_COUNTERS + index * 8;
    view.setBigUint64(at, view.getBigUint64(at, true) + 1n, true);
  };
  return {
    forward(_worker, count) {
      calls.push(`forward ${count}`);
      let leaving = 0;
      const base = view.getUint32(records[0]! + L.WORKER_SLOT_BASE, true);
      for (let index = 0; index < count; index += 1) {
        const slot = base + index * L.SLOT_SIZE;
        const verdict = verdictOf(slot);
        view.setUint32(slot + L.SLOT_VERDICT, verdict, true);
        bump(verdict === V.VERDICT_ANSWER ? V.COUNTER_ANSWERED : V.COUNTER_FORWARDED);
        if (verdict === V.VERDICT_FORWARD || verdict === V.VERDICT_ANSWER) leaving += 1;
      }
      return leaving;
    },
    forwardHeld(_worker, slot, entry) {
      calls.push(`rewrite ${entry}`);
      view.setUint8(slot + L.SLOT_PACKET + 1, 0xaa);
      return verdictOf(slot);
    },
    held(owner, entry, idRun, idCounter, count) {
      calls.push(`held ${[owner, entry, idRun, idCounter, count].join(' ')}`);
      return 1;
    },
  };
}

function setUp() {
  const shared = workerMemory(1, RING, 4);
  const calls: string[] = [];
  const core = simpleCore(shared, calls);
  const device = new MemoryDevice(shared.memory);
  let clockMs = 1;
  const nowMs = (): number => (clockMs += 1e-4);
  const parts = { core, memory: shared.memory, worker: 0, device, nowMs };
  const writer = new FromControlWriter(shared.memory, [{ wake() {} }]);
  return { shared, calls, core, device, writer, forwarding: new Forwarding(parts) };
}

function packet(verdict: number, mark: number): Uint8Array {
  return Uint8Array.of(verdict, 0, mark, 0);
}

forwarding('a pass sends what the core forwards or answers, in order, and nothing else', () => {
  const { device, forwarding, calls, shared } = setUp();
  const verdicts = [V.VERDICT_FORWARD, V.VERDICT_DROP, V.VERDICT_ANSWER, V.VERDICT_TO_CONTROL, 1];
  for (const [mark, verdict] of verdicts.entries()) device.arrive(packet(verdict, mark));
  assert.is(forwarding.pass(), 4);
  assert.is(forwarding.pass(), 1);
  assert.is(forwarding.pass(), 0);
  assert.equal(
    device.take().map(({ packet }) => packet[2]),
    [0, 2, 4],
  );
  assert.equal(calls, ['forward 4', 'forward 1']);
  assert.is(counterOf(shared, 0, V.COUNTER_POLLS_WITH_PACKETS), 2);
  assert.is(counterOf(shared, 0, V.COUNTER_EMPTY_POLLS), 1);
});

/** A core that finds the buckets of marked packets locked, this often. */
function lockedCore(parts: ReturnType<typeof setUp>, times: number): ForwardingCore {
  const { core, shared } = parts;
  const { view, records } = shared;
  const add = (index: number, amount: bigint): void => {
    const at = records[0]! + L.WORKER_COUNTERS + index * 8;
    view.setBigUint64(at, view.getBigUint64(at, true) + amount, true);
  };
  return {
    ...core,
    forward(worker, count, nowMs) {
      let leaving = core.forward(worker, count, nowMs);
      add(V.COUNTER_RECEIVED, BigInt(count));
      if (times-- <= 0) return leaving;
      const base = view.getUint32(records[0]! + L.WORKER_SLOT_BASE, true);
      for (let slot = base; slot < base + count * L.SLOT_SIZE; slot += L.SLOT_SIZE) {
        if (view.getUint8(slot + L.SLOT_PACKET + 1) === 0) continue;
        view.setUint32(slot + L.SLOT_VERDICT, V.DROP_TABLE_BUSY << 8, true);
        add(V.COUNTER_FORWARDED, -1n);
        add(V.COUNTER_DROPS + V.DROP_TABLE_BUSY, 1n);
        leaving -= 1;
      }
      return leaving;
    },
  };
}

for (const [times, sent, dropped, pauses] of [
  [1, [1, 0, 2], 0, 1],
  [3, [1, 0, 2], 0, 3],
  [99, [1], 2, 8],
] as const) {
  forwarding(`a bucket that is locked ${times} times: its packets wait, the others go on`, () => {
    const parts = setUp();
    const { device, shared } = parts;
    const { memory } = shared;
    let paused = 0;
    const again = new Forwarding({
      core: lockedCore(parts, times),
      memory,
      worker: 0,
      device,
      nowMs: () => 1,
      rest: () => (paused += 1),
    });
    for (const mark of [0, 1, 2]) {
      device.arrive(Uint8Array.of(V.VERDICT_FORWARD, mark === 1 ? 0 : 1, mark, 0));
    }
    again.pass();
    assert.equal(
      device.take().map(({ packet }) => packet[2]),
      sent,
    );
    assert.is(paused, pauses);
    const count = (counter: number): number => counterOf(shared, 0, counter);
    assert.is(count(V.COUNTER_RECEIVED), 3);
    assert.is(count(V.COUNTER_DROPS + V.DROP_TABLE_BUSY), dropped);
    assert.is(count(V.COUNTER_FORWARDED), sent.length);
  });
}

forwarding(
  'packets of control leave before those of the device, rewritten ones are counted',
  () => {
    const { device, forwarding, calls, writer, shared } = setUp();
    device.arrive(packet(V.VERDICT_FORWARD, 9));
    const vnet = Uint8Array.from({ length: 10 }, (_, index) => index);
    writer.push({ worker: 0, packet: packet(V.VERDICT_FORWARD, 1), vnet, rewrite: 3 });
    writer.push({ worker: 0, packet: packet(0, 2) });
    writer.push({ worker: 0, packet: packet(V.VERDICT_DROP, 3), rewrite: 4 });
    assert.is(forwarding.pass(), 4);
    const sent = device.take();
    assert.equal(
      sent.map(({ packet }) => [packet[1], packet[2]]),
      [
        [0xaa, 1],
        [0, 2],
        [0, 9],
      ],
    );
    assert.equal(sent[0]?.vnet, vnet);
    assert.equal(calls, [
      'rewrite 3',
      'held 1 3 0 0 1',
      'rewrite 4',
      'held 1 4 0 0 1',
      'forward 1',
    ]);
    assert.is(counterOf(shared, 0, V.COUNTER_FROM_CONTROL), 2);
    assert.is(counterOf(shared, 0, V.COUNTER_FROM_CONTROL_DROPPED), 1);
  },
);

forwarding('control hears at once what a packet that it held has to say', async () => {
  const { shared, core, forwarding, writer } = setUp();
  const words = new Int32Array(shared.memory.buffer);
  core.forwardHeld = () => {
    Atomics.add(words, L.HEADER_DOORBELL >>> 2, 1); // as the core does when it queued something
    return V.VERDICT_FORWARD;
  };
  const heard = Atomics.waitAsync(words, L.HEADER_DOORBELL >>> 2, 0, 1000).value;
  writer.push({ worker: 0, packet: packet(V.VERDICT_FORWARD, 1), rewrite: 3 });
  forwarding.pass();
  assert.is(await heard, 'ok');
});

forwarding('a packet that the device refuses becomes a drop, so that the counters add up', () => {
  const { device, forwarding, shared } = setUp();
  device.refuses = true;
  device.arrive(packet(V.VERDICT_FORWARD, 0));
  device.arrive(packet(V.VERDICT_ANSWER, 1));
  // the bytes forwarded go through a carry of the low word
  const bytes = shared.records[0]! + L.WORKER_COUNTERS + V.COUNTER_BYTES_FORWARDED * 8;
  shared.view.setBigUint64(bytes, 0x1_0000_0001n, true);
  forwarding.pass();
  assert.is(counterOf(shared, 0, V.COUNTER_FORWARDED), 0);
  assert.is(counterOf(shared, 0, V.COUNTER_ANSWERED), 0);
  assert.is(counterOf(shared, 0, V.COUNTER_DROPS + V.DROP_TRANSMIT_FAILED), 2);
  assert.is(counterOf(shared, 0, V.COUNTER_BYTES_FORWARDED), 0xffff_fffd);
});

forwarding('an idle worker sleeps after some polls, a stopped one leaves', () => {
  const { device, forwarding, shared } = setUp();
  device.wait = () => {
    device.waits += 1;
    if (device.waits === 3) shared.view.setUint32(L.HEADER_STOP, 1, true);
  };
  forwarding.run();
  assert.is(device.waits, 3);
  assert.is(counterOf(shared, 0, V.COUNTER_SLEEPS), 3);
  const polls = counterOf(shared, 0, V.COUNTER_EMPTY_POLLS);
  assert.ok(polls > 100 && polls < 400, `${polls} polls`);
});

forwarding('a worker under load does not sleep', () => {
  const { device, forwarding, shared } = setUp();
  let passes = 0;
  forwarding.run(() => {
    passes += 1;
    if (passes % 100 === 0) device.arrive(packet(V.VERDICT_FORWARD, 0));
    if (passes === 10_000) shared.view.setUint32(L.HEADER_STOP, 1, true);
  });
  assert.is(device.sent.length, 100);
  assert.is(counterOf(shared, 0, V.COUNTER_SLEEPS), 0);
});

forwarding.run();
