import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import { memoryMap } from '../../src/memory-map.ts';
import { SMALL } from '../support/core-host.ts';

// The memory map as text: a change of a size or an offset shows as a change of
// test/golden/layout.txt. UPDATE_GOLDEN=1 writes it anew.

const layouts = suite('layout');
const golden = fileURLToPath(new URL('../test/golden/layout.txt', import.meta.url));
const constants = Object.entries({ ...L, ...C }) as [string, number][];

/** Constants that look like fields of a record and are none. */
const NOT_FIELDS = /^(?!WORKER_\w+_CONTROL)\w+_SIZE$|(?<!OPEN)_LIMIT$|^HEAD_FLAG_|^HELLO_FLAG_/;

/** Fields of a record by offset; `bytes` of a field is the distance to the next one. */
function fieldsOf(prefix: string, size: number): [offset: number, bytes: number, name: string][] {
  const fields = constants
    .filter(([name]) => name.startsWith(prefix) && !NOT_FIELDS.test(name))
    .filter(([, offset]) => offset < size)
    .sort(([, a], [, b]) => a - b);
  return fields.map(([name, offset], index) => [
    offset,
    (fields[index + 1]?.[1] ?? size) - offset,
    name.slice(prefix.length).toLowerCase().replaceAll('_', ' '),
  ]);
}

const RECORDS: [string, number][] = [
  ['HEADER_', L.HEADER_SIZE],
  ['SERVICE_', L.SERVICE_SIZE],
  ['BUCKET_', L.BUCKET_SIZE],
  ['ENTRY_', L.ENTRY_SIZE],
  ['RECORD_', L.RECORD_SIZE],
  ['WORKER_', L.WORKER_SIZE],
  ['RING_', L.RING_PACKET],
  ['SLOT_', L.SLOT_PACKET],
  ['TUPLE_', C.TUPLE_SIZE],
  ['HEAD_', C.HEAD_SIZE],
  ['HELLO_', C.HELLO_SIZE],
];

function text(): string {
  const lines = [`layout version ${L.LAYOUT_VERSION}`];
  for (const [prefix, size] of RECORDS) {
    lines.push('', `${prefix.slice(0, -1).toLowerCase()}, ${size} bytes`);
    for (const [offset, bytes, name] of fieldsOf(prefix, size)) {
      lines.push(`  ${String(offset).padStart(6)} ${String(bytes).padStart(6)}  ${name}`);
    }
  }
  const map = memoryMap({ ...SMALL, workers: 2 });
  lines.push('', `memory of a small host with two workers, ${map.byteLength} bytes`);
  for (const { name, base, size } of map.parts) {
    lines.push(`  ${String(base).padStart(8)} ${String(size).padStart(8)}  ${name}`);
  }
  return `${lines.join('\n')}\n`;
}

layouts('the printed memory map is the golden one', () => {
  if (process.env['UPDATE_GOLDEN']) writeFileSync(golden, text());
  assert.fixture(text(), readFileSync(golden, 'utf8'));
});

layouts('no two fields of a record share an offset', () => {
  for (const [prefix, size] of RECORDS) {
    for (const [offset, bytes, name] of fieldsOf(prefix, size)) {
      assert.ok(bytes > 0, `${prefix}${name} at ${offset}`);
    }
  }
});

layouts('locks and atomic words are aligned, and written by one party per cache line', () => {
  const atomic = ['HEADER_DOORBELL', 'HEADER_FREE_LOCK', 'BUCKET_VERSION', 'RECORD_TERMINAL'];
  for (const [name, offset] of constants) {
    if (atomic.includes(name)) assert.is(offset % 4, 0, name);
  }
  const ends = [
    L.WORKER_TO_CONTROL_TAIL,
    L.WORKER_TO_CONTROL_HEAD,
    L.WORKER_FROM_CONTROL_TAIL,
    L.WORKER_FROM_CONTROL_HEAD,
    L.WORKER_COUNTERS,
  ];
  assert.is(new Set(ends.map((offset) => Math.floor(offset / L.CACHE_LINE))).size, ends.length);
  assert.is(Math.floor(L.HEADER_FREE_LOCK / L.CACHE_LINE) * L.CACHE_LINE, L.HEADER_FREE_LOCK);
  for (const size of [L.ENTRY_SIZE, L.RECORD_SIZE, L.SLOT_SIZE, L.WORKER_SIZE]) {
    assert.is(size % L.CACHE_LINE, 0);
  }
});

layouts('what IPv4 needs of an entry lies in its first cache line', () => {
  const late = fieldsOf('ENTRY_', L.ENTRY_SIZE).filter(([offset]) => offset >= L.CACHE_LINE);
  assert.ok(late.every(([, , name]) => name.endsWith('6')));
});

layouts.run();
