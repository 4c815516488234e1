import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import type { PacketEvent } from '../../../src/event.ts';
import { Doorbell } from '../../../src/workers/doorbell.ts';
import {
  FromControlReader,
  FromControlWriter,
  ToControlReader,
} from '../../../src/workers/rings.ts';
import { queueForControl, workerMemory, type WorkerMemory } from '../../support/worker-memory.ts';

const rings = suite('rings');

/** A generator of 32-bit numbers with a fixed seed (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const noise = Uint8Array.from(
  { length: 4096 },
  (
    (next) => () =>
      next(256)
  )(numbers(3)),
);

function someBytes(next: (below: number) => number, length: number): Uint8Array {
  const from = next(noise.length - length);
  return noise.slice(from, from + length);
}

interface Sent {
  packet: Uint8Array;
  rewrite: number | undefined;
}

/** What the worker would see of a record. */
function seen({ view }: WorkerMemory, at: number): Sent {
  const length = view.getUint32(at + L.RING_PACKET_LENGTH, true);
  const start = at + L.RING_PACKET;
  const entry = view.getUint32(at + L.RING_ENTRY, true);
  return {
    packet: new Uint8Array(view.buffer, start, length).slice(),
    rewrite: entry === L.NO_ENTRY ? undefined : entry,
  };
}

function startNearWrap({ view, records }: WorkerMemory): void {
  for (const field of [L.WORKER_FROM_CONTROL_TAIL, L.WORKER_FROM_CONTROL_HEAD]) {
    view.setUint32(records[0]! + field, 0xffff_0000, true);
  }
}

rings('from control: 100,000 random records come out as an array would give them', () => {
  const shared = workerMemory(1, 4096);
  startNearWrap(shared);
  const writer = new FromControlWriter(shared.memory, [{ wake() {} }]);
  const reader = new FromControlReader(shared.memory, 0);
  const next = numbers(1);
  const expected: Sent[] = [];
  let pushed = 0;
  let refused = 0;
  while (pushed < 100_000 || expected.length > 0) {
    if (pushed < 100_000 && next(2) === 0) {
      const packet = someBytes(next, next(8) === 0 ? next(1500) : next(80));
      const rewrite = next(2) === 0 ? next(16) : undefined;
      const outgoing = { worker: 0, packet, ...(rewrite === undefined ? {} : { rewrite }) };
      if (writer.push(outgoing)) expected.push({ packet, rewrite });
      else refused += 1;
      pushed += 1;
    } else {
      const at = reader.oldest();
      const wanted = expected.shift();
      assert.is(at === 0, wanted === undefined);
      if (at === 0 || !wanted) continue;
      const got = seen(shared, at);
      if (Buffer.compare(got.packet, wanted.packet) !== 0) assert.equal(got.packet, wanted.packet);
      assert.is(got.rewrite, wanted.rewrite);
      reader.release(at);
    }
  }
  assert.ok(reader.isEmpty());
  assert.ok(refused > 0, 'the ring was never full: the test is too easy');
  assert.is(writer.refused[0], refused);
});

rings('from control: a full ring refuses until the worker has read, then takes more', () => {
  const shared = workerMemory(1, 1024);
  const writer = new FromControlWriter(shared.memory, [{ wake() {} }]);
  const reader = new FromControlReader(shared.memory, 0);
  const packet = new Uint8Array(200);
  let taken = 0;
  while (writer.push({ worker: 0, packet })) taken += 1;
  assert.is(taken, 4);
  assert.not(writer.push({ worker: 0, packet: new Uint8Array(2000) }));
  reader.release(reader.oldest());
  assert.ok(writer.push({ worker: 0, packet }));
});

rings('from control: a held packet carries the handoff id that its entry has', () => {
  const shared = workerMemory(1, 1024);
  const record = shared.view.getUint32(L.HEADER_RECORD_BASE, true) + 5 * L.RECORD_SIZE;
  shared.view.setUint32(record + L.RECORD_ID_RUN, 0xfedcba98, true);
  shared.view.setUint32(record + L.RECORD_ID_COUNTER, 77, true);
  const writer = new FromControlWriter(shared.memory, [{ wake() {} }]);
  writer.push({ worker: 0, packet: new Uint8Array(40), rewrite: 5 });
  const at = new FromControlReader(shared.memory, 0).oldest();
  assert.is(shared.view.getUint32(at + L.RING_ID_RUN, true), 0xfedcba98);
  assert.is(shared.view.getUint32(at + L.RING_ID_COUNTER, true), 77);
});

rings('from control: only a worker that sleeps is woken, and once', () => {
  const shared = workerMemory(2, 4096);
  const woken = [0, 0];
  const wakers = [0, 1].map((worker) => ({ wake: () => void (woken[worker]! += 1) }));
  const writer = new FromControlWriter(shared.memory, wakers);
  shared.view.setUint32(shared.records[1]! + L.WORKER_SLEEPING, 1, true);
  for (const worker of [0, 1, 1]) writer.push({ worker, packet: new Uint8Array(40) });
  assert.equal(woken, [0, 1]);
});

rings('to control: records of all workers become events, as copies', () => {
  const shared = workerMemory(2, 4096);
  const next = numbers(2);
  const reader = new ToControlReader(shared.memory);
  const events = [0, 1, 1].map((worker, index): PacketEvent => ({
    kind: 'packet',
    queue: L.QUEUE_PACKET,
    worker,
    entry: index,
    idRun: 0x80000000 + index,
    idCounter: index,
    options: index,
    packet: someBytes(next, 40 + index),
    vnet: someBytes(next, L.VNET_SIZE),
  }));
  for (const event of events) queueForControl(shared, event.worker, event);
  const read = reader.read(1);
  assert.equal(read, [events[0], events[1]]);
  assert.not(reader.isEmpty());
  assert.equal(reader.read(10), [events[2]]);
  assert.ok(reader.isEmpty());
  new Uint8Array(shared.memory.buffer).fill(0, shared.records[0]! + L.WORKER_SIZE);
  assert.equal(read, [events[0], events[1]]);
});

rings('doorbell: a ring before, between and during the wait ends it', async () => {
  const { memory } = workerMemory(1, 1024);
  const doorbell = new Doorbell(memory);
  const seen = doorbell.rings();
  doorbell.ring();
  await doorbell.wait(seen);
  const waiting = doorbell.wait(doorbell.rings());
  setTimeout(() => doorbell.ring(), 5);
  await waiting;
});

rings('control reads the records of all workers in the order in which they were queued', () => {
  const shared = workerMemory(3, 4096);
  shared.view.setUint32(L.HEADER_QUEUE_ORDER, 0xffff_fffc, true); // goes round
  const workers = [2, 2, 0, 1, 0, 0, 2, 1];
  workers.forEach((worker, mark) => {
    queueForControl(shared, worker, { queue: L.QUEUE_PACKET, packet: Uint8Array.of(mark) });
  });
  const reader = new ToControlReader(shared.memory);
  const marks = (limit: number): number[] => reader.read(limit).map(({ packet }) => packet[0]!);
  assert.equal(marks(2), [0, 1, 2, 3, 4]);
  assert.equal(marks(100), [5, 6, 7]);
  assert.equal(marks(100), []);
});

rings.run();
