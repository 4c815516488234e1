// The comparisons of `npm run bench` against their limits. Machines are noisy: each runs until all its
// figures have been good enough once, at most three times.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Report } from '../support/report.ts';

const ROUNDS = 3;

interface Comparison {
  name: string;
  /** of the program: which of its comparisons */
  words?: string[];
  /** lines that it prints with a ratio */
  figures: number;
  wanted: string;
  isGood: (ratio: number) => boolean;
  /** subject whose ratio is shown and not asked for */
  shownOnly?: string;
}

const COMPARISONS: Comparison[] = [
  {
    name: 'core',
    words: ['1', 'k'],
    figures: 2,
    wanted: 'at most 1.3 x the best C form',
    isGood: (ratio) => ratio <= 1.3,
  },
  {
    name: 'tun',
    figures: 2,
    wanted: 'at least 0.85 of the packets per CPU-second of C',
    isGood: (ratio) => ratio >= 0.85,
  },
  {
    name: 'download',
    figures: 1,
    wanted: 'at least 0.7 of direct',
    isGood: (ratio) => ratio >= 0.7,
    shownOnly: 'download thrown away', // bound by the agent's two copies: see bench/download.ts
  },
];

const report = new Report();

/** What a comparison printed: subject -> its ratios, of which one must be good. */
function measure(name: string, words: string[] = []): Map<string, number[]> {
  const program = fileURLToPath(new URL(`./bench-${name}.mjs`, import.meta.url));
  const args = ['--enable-source-maps', program, ...words];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const found = new Map<string, number[]>();
  for (const line of (run.stdout + run.stderr).trim().split('\n')) {
    report.note(line);
    const [, subject, figures] = /^([^:]+): .*; ratio (.*)$/.exec(line) ?? [];
    if (subject && figures) found.set(subject, figures.match(/\d+\.\d+/g)!.map(Number));
  }
  return found;
}

function check({ name, words, figures, wanted, isGood, shownOnly }: Comparison): void {
  const good = new Set<string>();
  let round = 0;
  while (good.size < figures && round < ROUNDS) {
    round += 1;
    for (const [subject, ratios] of measure(name, words)) {
      if (subject !== shownOnly && ratios.some(isGood)) good.add(subject);
    }
  }
  const seen = `${good.size} of ${figures} good after ${round} of ${ROUNDS} rounds`;
  report.check(`${name}: ${wanted}`, good.size === figures, seen);
}

for (const comparison of COMPARISONS) check(comparison);
report.finish();
