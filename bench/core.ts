// Nanoseconds per packet of the Wasm core against the same work in C, over the same memory image.
// `streaming`: 500,000 packets from memory; `cache-hot`: 256 packets that stay in the caches, as after a
// read from a device. Rounds in turn; the minimum counts.
// node build/bench-core.mjs [WORD...]: only the comparisons whose names have all the words
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as L from '../assembly/layout.ts';
import { createLoad, digest, NOW_MS, type Load, type LoadShape } from './core/load.ts';
import { compileRivals, type Rival } from './core/rival.ts';
import { minimum, Sheet } from './report/sheet.ts';

const BATCH = 256;
const ROUNDS = 7;
const STREAM = 500_000;
const FEW = 100_000; // fewer packets than these are passed over again and again
const PASSED = 400_000;

const KI = 1000;
const MI = 1000 * KI;
const IPV4 = { family: 4, packets: STREAM } as const;
const LOADS: Record<string, LoadShape> = {
  '1 k uniform, streaming': { ...IPV4, connections: KI, order: 'uniform' },
  '1 k uniform, cache-hot': { ...IPV4, connections: KI, order: 'uniform', packets: BATCH },
  '64 k uniform, streaming': { ...IPV4, connections: 64 * KI, order: 'uniform' },
  '1 M uniform, streaming': { ...IPV4, connections: MI, order: 'uniform' },
  '1 M zipf, streaming': { ...IPV4, connections: MI, order: 'zipf' },
};

/** One round of the core over all packets; fresh packets before every pass, outside the clock. */
function measureCore({ core, base, packets, fresh }: Load): number {
  const passes = packets < FEW ? Math.ceil(PASSED / packets) : 1;
  const slotBase = core.view.getUint32(L.HEADER_WORKER_BASE, true) + L.WORKER_SLOT_BASE;
  const stride = fresh.length / packets;
  let spent = 0n;
  for (let pass = 0; pass < passes; pass += 1) {
    core.bytes.set(fresh, base);
    const begin = process.hrtime.bigint();
    for (let first = 0; first < packets; first += BATCH) {
      core.view.setUint32(slotBase, base + first * stride, true);
      core.forward(0, Math.min(BATCH, packets - first), NOW_MS);
    }
    spent += process.hrtime.bigint() - begin;
  }
  return Number(spent) / passes / packets;
}

/** Rounds of the core and of each rival in turn, over the same packets: form -> ns per packet of each. */
function race(load: Load, rivals: Rival[], image: string): Map<string, number[]> {
  const samples = new Map<string, number[]>([
    ['core', []],
    ...rivals.map(({ name }): [string, number[]] => [name, []]),
  ]);
  writeFileSync(image, load.core.bytes);
  for (let round = 0; round < ROUNDS; round += 1) {
    const ns = measureCore(load);
    if (round > 0) samples.get('core')!.push(ns); // the first warms up
    const ours = digest(load);
    for (const rival of rivals) {
      const theirs = rival.measure(image, load);
      if (theirs.digest !== ours) throw new Error(`bench: ${rival.name} rewrote differently`);
      samples.get(rival.name)!.push(theirs.ns);
    }
  }
  return samples;
}

const sheet = new Sheet('core', 'The core against the same fast path in C over the same memory.');
const folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));
const words = process.argv.slice(2);
try {
  const rivals = compileRivals(folder);
  for (const [name, shape] of Object.entries(LOADS)) {
    if (!words.every((word) => name.split(/[ ,]+/).includes(word))) continue;
    const subject = `core ${name}`;
    const samples = race(await createLoad(shape), rivals, join(folder, 'memory'));
    for (const [form, ns] of samples) {
      sheet.figure({ subject, form, unit: 'ns/packet', samples: ns });
    }
    const least = Math.min(...rivals.flatMap((rival) => samples.get(rival.name)!));
    sheet.ratio(subject, minimum(samples.get('core')!) / least);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
sheet.finish();
