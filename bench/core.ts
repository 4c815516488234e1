// Nanoseconds per packet of the Wasm core: against the same work in C over the same memory image, and
// against itself. `streaming`: 500,000 packets from memory; `cache-hot`: 256 packets that stay in the
// caches, as after a read from a device. Rounds in turn; the minimum counts.
// node build/bench-core.mjs [WORD...]: only the comparisons whose names have all the words
import { isMainThread, workerData } from 'node:worker_threads';
import { compareWithC } from './core/against-c.ts';
import { compareChains } from './core/chains.ts';
import { LOADS, type LoadName } from './core/loads.ts';
import { runThread, type ThreadTask } from './core/threads.ts';
import {
  compareChurn,
  compareFamilies,
  compareLocks,
  comparePaper,
  compareWorkers,
} from './core/with-itself.ts';
import { Sheet } from './report/sheet.ts';

type Compare = (sheet: Sheet, subject: string) => Promise<void>;

const ROUNDS = 7;
const HOT = LOADS['1 k uniform, cache-hot'];
const NEAR = LOADS['1 k uniform, streaming'];
const FAR = LOADS['64 k uniform, streaming'];

const againstC = (load: LoadName, rounds = ROUNDS): [string, Compare] => [
  load,
  (sheet, subject) => compareWithC(sheet, subject, LOADS[load], rounds),
];

const COMPARISONS: Record<string, Compare> = Object.fromEntries<Compare>([
  againstC('1 k uniform, streaming'),
  againstC('1 k uniform, cache-hot'),
  againstC('64 k uniform, streaming'),
  againstC('64 k zipf, streaming'),
  againstC('1 M uniform, streaming'),
  againstC('1 M zipf, streaming'),
  againstC('10 M uniform, streaming'),
  againstC('10 M zipf, streaming'),
  ['IPv6, 1 k cache-hot', (sheet, subject) => compareFamilies(sheet, subject, HOT, ROUNDS)],
  ['IPv6, 64 k streaming', (sheet, subject) => compareFamilies(sheet, subject, FAR, ROUNDS)],
  ['writer, 1 k streaming', (sheet, subject) => compareChurn(sheet, subject, NEAR, ROUNDS)],
  ['writer, 64 k streaming', (sheet, subject) => compareChurn(sheet, subject, FAR, ROUNDS)],
  ['workers, 1 k cache-hot', (sheet, subject) => compareWorkers(sheet, subject, HOT, ROUNDS)],
  ['workers, 64 k streaming', (sheet, subject) => compareWorkers(sheet, subject, FAR, ROUNDS)],
  ['paper, 1 k cache-hot', (sheet, subject) => comparePaper(sheet, subject, HOT, ROUNDS)],
  [
    'locks, 16 connections',
    (sheet, subject) => compareLocks(sheet, subject, { ...HOT, connections: 16 }, ROUNDS),
  ],
  ['chains', compareChains],
]);

async function compare(words: string[]): Promise<void> {
  const about =
    'The core against the same fast path in C over the same memory, and against itself.';
  const sheet = new Sheet('core', about);
  for (const [name, run] of Object.entries(COMPARISONS)) {
    if (!words.every((word) => name.split(/[ ,]+/).includes(word))) continue;
    await run(sheet, `core ${name}`);
  }
  sheet.finish();
}

if (isMainThread) await compare(process.argv.slice(2));
else runThread(workerData as ThreadTask);
