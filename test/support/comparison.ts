// Runs a comparison of bench/ against what is asked of its ratios. Machines are noisy: it is repeated until
// every ratio was good enough once, three times at most.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Report } from './report.ts';

const ROUNDS = 3;

export interface Asked {
  /** how the line begins that prints the ratio, up to its colon */
  subject: string;
  atMost?: number;
  atLeast?: number;
}

function isGood({ atMost = Infinity, atLeast = -Infinity }: Asked, ratio: number): boolean {
  return ratio <= atMost && ratio >= atLeast;
}

function limitOf({ atMost, atLeast }: Asked): string {
  return atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
}

/** What a comparison printed: subject -> its ratios, of which one must be good. */
function measure(report: Report, name: string, words: string[]): Map<string, number[]> {
  const program = fileURLToPath(new URL(`./bench-${name}.mjs`, import.meta.url));
  const args = ['--enable-source-maps', program, ...words];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const found = new Map<string, number[]>();
  for (const line of (run.stdout + run.stderr).trim().split('\n')) {
    report.note(line);
    const [, subject, figures] = /^([^:]+): .*; ratio (.*)$/.exec(line) ?? [];
    if (subject && figures) found.set(subject, figures.match(/\d+\.\d+/g)!.map(Number));
  }
  if (run.status !== 0) report.note(`${name}: exit ${run.status ?? run.signal}`);
  return found;
}

/** One check for each that is asked; `words` are the program's arguments. */
export function checkRatios(
  report: Report,
  name: string,
  asked: Asked[],
  words: string[] = [],
): void {
  const seen = new Map<Asked, number[]>(asked.map((one) => [one, []]));
  const isMet = (one: Asked): boolean => seen.get(one)!.some((ratio) => isGood(one, ratio));
  for (let round = 0; round < ROUNDS && !asked.every(isMet); round += 1) {
    const found = measure(report, name, words);
    for (const one of asked) seen.get(one)!.push(...(found.get(one.subject) ?? []));
  }
  for (const one of asked) {
    const ratios = seen.get(one)!.map((ratio) => ratio.toFixed(2));
    report.check(`${one.subject}: ${limitOf(one)}`, isMet(one), ratios.join(' ') || 'no figure');
  }
}
