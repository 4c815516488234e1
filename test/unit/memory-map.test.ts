import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../src/memory-map.ts';
import type { MemoryMapOptions } from '../../src/memory-map.ts';

const memoryMaps = suite('memory map');

const SIMULATED: MemoryMapOptions = {
  role: 'switch',
  connections: 300,
  workers: 1,
  slots: 4,
  toControlBytes: 131072,
  fromControlBytes: 131072,
  seeds: [1n, 2n],
};

memoryMaps('no part overlaps another, each is aligned, and all are inside', () => {
  const options: MemoryMapOptions[] = [
    SIMULATED,
    { role: 'agent', connections: 65536, workers: 4, seeds: [1n, 2n] },
    { role: 'switch', connections: 1, workers: 1, seeds: [1n, 2n] },
    { ...SIMULATED, connections: 1000, workers: 7, slots: 3 },
  ];
  for (const each of options) {
    const map = memoryMap(each);
    const parts = [...map.parts].sort((a, b) => a.base - b.base);
    parts.forEach((part, index) => {
      const end = parts[index + 1]?.base ?? map.byteLength;
      assert.ok(part.base + part.size <= end, `${part.name} overlaps what follows`);
      assert.is(part.base % part.align, 0, part.name);
    });
  }
});

memoryMaps('a simulated host takes about 1 MiB', () => {
  const map = memoryMap(SIMULATED);
  assert.ok(map.byteLength - 4 * L.SLOT_SIZE < 1 << 20);
  assert.is(createMemory(map, false).buffer.byteLength, 1 << 20);
});

memoryMaps('the bucket count is the power of two at or above the connections', () => {
  const count = (connections: number): number =>
    memoryMap({ ...SIMULATED, connections }).bucketCount;
  assert.equal([1, 2, 3, 64, 65, 65536].map(count), [1, 2, 4, 64, 128, 65536]);
});

memoryMaps('header, services and workers are written', () => {
  const vip4 = new Uint8Array([192, 0, 2, 80]);
  const vip6 = new Uint8Array(16).fill(3);
  const map = memoryMap({
    ...SIMULATED,
    table: 'paper',
    workers: 2,
    seeds: [5n, 0xffffffffffffffffn],
    halfOpenLimit: 9,
    gatherTimeoutMs: 1234.5,
    services: [
      { address: vip4, port: 80, mss: 1300, windowScale: 3, window: 1000 },
      { address: vip6, port: 443 },
    ],
  });
  const memory = createMemory(map);
  writeMemoryMap(memory, map);
  const view = new DataView(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  const u32 = (at: number): number => view.getUint32(at, true);
  assert.is(u32(L.HEADER_LAYOUT_VERSION), L.LAYOUT_VERSION);
  assert.is(u32(L.HEADER_TABLE_MODE), L.TABLE_PAPER);
  assert.is(u32(L.HEADER_ROLE), L.ROLE_SWITCH);
  assert.is(u32(L.HEADER_HALF_OPEN_LIMIT), 9);
  assert.is(view.getFloat64(L.HEADER_GATHER_TIMEOUT, true), 1234.5);
  assert.is(view.getBigUint64(L.HEADER_HASH_SEED, true), 5n);
  assert.is(view.getBigUint64(L.HEADER_HASH_SEED + 8, true), 0xffffffffffffffffn);
  const first = map.serviceBase;
  assert.equal(bytes.slice(first, first + 4), vip4);
  assert.is(view.getUint16(first + L.SERVICE_PORT), 80);
  assert.is(view.getUint8(first + L.SERVICE_FAMILY), 4);
  assert.is(view.getUint16(first + L.SERVICE_MSS, true), 1300);
  const second = first + L.SERVICE_SIZE;
  assert.equal(bytes.slice(second, second + 16), vip6);
  assert.is(view.getUint8(second + L.SERVICE_FAMILY), 6);
  assert.is(view.getUint16(second + L.SERVICE_MSS, true), 1440);
  const worker = u32(L.HEADER_WORKER_BASE) + L.WORKER_SIZE;
  assert.is(u32(worker + L.WORKER_SLOT_BASE), map.slotBases[1]);
  assert.is(u32(worker + L.WORKER_TO_CONTROL_BASE), map.toControlBases[1]);
  assert.is(u32(worker + L.WORKER_OWNER), 2);
});

memoryMaps('service networks become network and mask', () => {
  const map = memoryMap({
    ...SIMULATED,
    role: 'agent',
    serviceNetworks: [
      { network: new Uint8Array([10, 82, 1, 255]), length: 22 },
      { network: new Uint8Array(16).fill(0xff), length: 65 },
    ],
  });
  const memory = createMemory(map);
  writeMemoryMap(memory, map);
  const bytes = new Uint8Array(memory.buffer);
  const four = (at: number): number[] => Array.from(bytes.subarray(at, at + 4));
  assert.equal(four(L.HEADER_SERVICE_NETWORK4), [10, 82, 0, 0]);
  assert.equal(four(L.HEADER_SERVICE_MASK4), [255, 255, 252, 0]);
  assert.equal(four(L.HEADER_SERVICE_MASK6 + 8), [128, 0, 0, 0]);
  assert.equal(four(L.HEADER_SERVICE_NETWORK6 + 8), [128, 0, 0, 0]);
});

memoryMaps('options that cannot be are refused by name', () => {
  const refuse = (options: Partial<MemoryMapOptions>, message: RegExp): void => {
    assert.throws(() => memoryMap({ ...SIMULATED, ...options }), message);
  };
  refuse({ connections: 0 }, /connections is 0/);
  refuse({ workers: 1.5 }, /workers is 1.5/);
  refuse({ slots: 0 }, /slots is 0/);
  refuse({ toControlBytes: 100_000 }, /toControlBytes is not a power of two/);
  refuse({ connections: 8_000_000 }, /at most 2147483648 are possible/);
  const map = memoryMap(SIMULATED);
  const small = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  assert.throws(() => writeMemoryMap(small, map), /the memory has 65536/);
});

memoryMaps.run();
