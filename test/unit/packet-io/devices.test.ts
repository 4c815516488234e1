import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../assembly/layout.ts';
import { MemoryDevice } from '../../../src/packet-io/memory.ts';
import { RecordingDevice } from '../../../src/packet-io/pcap.ts';

const devices = suite('devices');
const SLOTS = 1024;

function someMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
}

devices('memory: packets arrive in slots, in order, and leave from them', () => {
  const memory = someMemory();
  const view = new DataView(memory.buffer);
  const device = new MemoryDevice(memory);
  for (const length of [20, 40, 60]) device.arrive(new Uint8Array(length).fill(length));
  assert.is(device.receive(SLOTS, 2), 2);
  assert.is(view.getUint32(SLOTS + L.SLOT_SIZE + L.SLOT_LENGTH, true), 40);
  assert.is(view.getUint8(SLOTS + L.SLOT_SIZE + L.SLOT_PACKET + 39), 40);
  assert.ok(device.transmit(SLOTS + L.SLOT_SIZE));
  assert.ok(device.transmit(SLOTS));
  assert.equal(
    device.take().map(({ packet }) => packet.length),
    [40, 20],
  );
  assert.equal(device.take(), []);
  assert.is(device.receive(SLOTS, 2), 1);
  assert.is(device.receive(SLOTS, 2), 0);
});

devices('pcap: both directions are recorded as pcapng', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-pcap-'));
  try {
    const path = join(folder, 'x.pcapng');
    const file = openSync(path, 'w');
    const memory = someMemory();
    const inner = new MemoryDevice(memory);
    const device = new RecordingDevice(inner, memory, file, () => 1_700_000_000_123_456_789n);
    inner.arrive(Uint8Array.of(0x45, 1, 2, 3, 4));
    assert.is(device.receive(SLOTS, 8), 1);
    assert.ok(device.transmit(SLOTS));
    closeSync(file);
    const bytes = readFileSync(path);
    const types: number[] = [];
    for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 4)) {
      types.push(bytes.readUInt32LE(at));
      assert.is(
        bytes.readUInt32LE(at + bytes.readUInt32LE(at + 4) - 4),
        bytes.readUInt32LE(at + 4),
      );
    }
    assert.equal(types, [0x0a0d0d0a, 1, 6, 6]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

devices.run();
