import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createCore, layout as L, memoryMap, verdict as V } from '../../src/index.ts';
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
  const [slot = 0] = memoryMap(OPTIONS).slotBases;
  const syn = buildPacket({
    source: CLIENT,
    sourcePort: 40_000,
    destination: VIP,
    destinationPort: 80,
    sequence: 1,
    flags: 2,
  });
  core.bytes.set(syn, slot + L.SLOT_PACKET);
  core.view.setUint32(slot + L.SLOT_LENGTH, syn.length, true);
  assert.is(core.forward(0, 1, 1000), 1);
  assert.is(core.view.getUint32(slot + L.SLOT_VERDICT, true) & 0xff, V.VERDICT_ANSWER);
  const answer = core.bytes.subarray(slot + L.SLOT_PACKET);
  assert.equal([...answer.subarray(12, 20)], [...VIP, ...CLIENT]);
});

library.run();
