// Nanoseconds per request head: the core's parser against llhttp as undici has it in Wasm, and as Node has
// it. The same heads for all, rounds in turn; the minimum counts.
import { headSets } from './parse/heads.ts';
import { allParsers } from './parse/parsers.ts';
import { minimum, Sheet } from './report/sheet.ts';

const ROUNDS = 81; // the first warms up
const HEADS = 5000; // in each round, of each parser
const OURS = 'core';
const RIVAL = 'llhttp Wasm, SIMD';
/** Of a short head the call from JavaScript is a good part: shown, not asked for. */
const ASKED = new Map([
  ['head of 386 bytes', 'at most 0.3'],
  ['long head', 'at most 0.3'],
]);

function measure(read: () => number, count: number): number {
  const passes = Math.ceil(HEADS / count);
  const begin = process.hrtime.bigint();
  for (let pass = 0; pass < passes; pass += 1) {
    if (read() !== count) throw new Error('bench: a head was read wrongly');
  }
  return Number(process.hrtime.bigint() - begin) / passes / count;
}

const sheet = new Sheet('parse', 'A request head by the core, by llhttp in Wasm and by Node.');
const parsers = await allParsers();
for (const [name, heads] of headSets()) {
  const subject = `parse ${name}`;
  const lengths = heads.map(({ length }) => length);
  const mean = Math.round(lengths.reduce((sum, length) => sum + length, 0) / heads.length);
  sheet.note(`${subject} ${heads.length} forms, ${mean} bytes on average`);
  const samples = new Map<string, number[]>(parsers.map(({ form }) => [form, []]));
  const readers = parsers.map(({ form, take }) => ({ form, read: take(heads) }));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { form, read } of readers) {
      const ns = measure(read, heads.length);
      if (round > 0) samples.get(form)!.push(ns);
    }
  }
  for (const { form, version } of parsers) {
    const figure = { subject, form, unit: 'ns/head', samples: samples.get(form)! };
    sheet.figure(version === undefined ? figure : { ...figure, version });
  }
  sheet.ratio(subject, minimum(samples.get(OURS)!) / minimum(samples.get(RIVAL)!), ASKED.get(name));
}
sheet.finish();
