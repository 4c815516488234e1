import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createCore, Slots, verdict as V, workerFigures } from '../../src/index.ts';
import type { MemoryMapOptions } from '../../src/index.ts';
import { buildPacket } from '../../src/packet/build.ts';

const library = suite('library');
const VIP = Uint8Array.of(192, 0, 2, 80);
const CLIENT = Uint8Array.of(10, 80, 1, 2);

const OPTIONS: MemoryMapOptions = {
  role: 'switch',
  connections: 64,
  workers: 1,
  seeds: [1n, 3n],
  services: [{ address: VIP, port: 80 }],
};

library('an embedder answers a SYN with what the library exports', async () => {
  const core = await createCore(OPTIONS);
  const syn = buildPacket({
    source: CLIENT,
    sourcePort: 40_000,
    destination: VIP,
    destinationPort: 80,
    sequence: 1,
    flags: 2,
  });
  const slots = new Slots(core.memory);
  slots.put(0, syn);
  assert.is(core.forward(0, 1, 1000), 1);
  assert.is(slots.verdict(0), V.VERDICT_ANSWER);
  assert.equal([...slots.packet(0).subarray(12, 20)], [...VIP, ...CLIENT]);
  assert.is(workerFigures(core.view, 0).counters['answered'], 1);
});

library('a slot refuses what does not fit, and slots that are not there', async () => {
  const { memory } = await createCore({ ...OPTIONS, slots: 2, slotStride: 256 });
  const slots = new Slots(memory);
  slots.put(1, new Uint8Array(192));
  assert.throws(() => slots.put(1, new Uint8Array(193)), /193 bytes in a slot of 256/);
  assert.throws(() => slots.put(2, new Uint8Array(20)), /slot 2 of 2/);
  assert.throws(() => slots.packet(-1), /slot -1 of 2/);
});

library.run();
