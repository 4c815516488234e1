import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as L from '../../../assembly/layout.ts';
import { KeptTable } from '../../../src/host/kept-table.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../../src/memory-map.ts';

const NAMES = { line: '1a', peers: [{ name: 'switch', group: 'main' }], bindings: [] };
const map = memoryMap({
  role: 'agent',
  connections: 100,
  workers: 1,
  seeds: [1n, 2n],
  isMapped: true,
});

function makeMemory(): WebAssembly.Memory {
  const memory = createMemory(map);
  writeMemoryMap(memory, map);
  return memory;
}

const kept = suite('kept table');
let folder = '';
kept.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-kept-'));
});
kept.after.each(() => rmSync(folder, { recursive: true }));

kept('what was written to the memory is there for the next run, without any saving', () => {
  const first = new KeptTable(folder, 'server1');
  assert.is(first.read(), undefined);
  const memory = makeMemory();
  first.map(memory);
  first.commit(NAMES);
  new Uint8Array(memory.buffer).fill(
    7,
    map.entryBase + L.ENTRY_SIZE,
    map.entryBase + 2 * L.ENTRY_SIZE,
  );
  new Uint8Array(memory.buffer).fill(9, map.recordBase, map.recordBase + 1);
  first.close();
  const second = new KeptTable(folder, 'server1');
  const former = second.read()!;
  assert.equal(former.names, NAMES);
  assert.is(former.table.entries.length, 100 * L.ENTRY_SIZE);
  assert.equal([...former.table.entries.subarray(L.ENTRY_SIZE, L.ENTRY_SIZE + 2)], [7, 7]);
  assert.is(former.table.records[0], 9);
  second.close();
});

kept('until it is committed the former table is the one to be found', () => {
  const first = new KeptTable(folder, 'server1');
  first.map(makeMemory());
  first.commit(NAMES);
  first.close();
  const second = new KeptTable(folder, 'server1');
  const memory = makeMemory();
  second.map(memory);
  new Uint8Array(memory.buffer)[map.recordBase] = 5;
  assert.is(second.read()!.table.records[0], 0);
  second.commit(NAMES);
  assert.is(second.read()!.table.records[0], 5);
  second.close();
});

kept('the place of a device behind the table is none of the file', () => {
  const withDevice = memoryMap({ ...map.options, deviceBytes: 8192 });
  const memory = createMemory(withDevice);
  writeMemoryMap(memory, withDevice);
  const table = new KeptTable(folder, 'server1');
  const [device = 0] = withDevice.deviceBases;
  table.map(memory, device);
  new Uint8Array(memory.buffer).fill(7, device - 1, device + 1);
  const file = readFileSync(join(folder, 'server1.table.new'));
  assert.is(file.length, 65536 + device - withDevice.bucketBase);
  assert.is(file.at(-1), 7);
  table.close();
});

kept('two agents cannot keep their tables in one place', () => {
  const first = new KeptTable(folder, 'server1');
  assert.throws(() => new KeptTable(folder, 'server1'), /another agent keeps its connections/);
  new KeptTable(folder, 'server2').close();
  first.close();
  new KeptTable(folder, 'server1').close();
});

kept('what is not whole, or of another layout, is no former run', () => {
  const first = new KeptTable(folder, 'server1');
  first.map(makeMemory());
  first.commit(NAMES);
  writeFileSync(join(folder, 'server1.names.json'), '{"peers":[');
  assert.is(first.read(), undefined);
  first.writeNames({ ...NAMES, peers: [] });
  writeFileSync(join(folder, 'server1.table'), Buffer.alloc(100_000, 1));
  assert.is(first.read(), undefined);
  first.close();
});

kept.run();
