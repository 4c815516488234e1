// The core's time per packet against the same work in C, and against itself. The ratios are those of
// bench/core.ts; what is repeated is the part with a ratio that was not good enough.
import { checkRatios, type Asked } from '../support/comparison.ts';
import { Report } from '../support/report.ts';

const report = new Report();

const PARTS: [words: string[], asked: Asked[]][] = [
  [
    ['1', 'k'],
    [
      { subject: 'core 1 k uniform, streaming', atMost: 1 },
      { subject: 'core 1 k uniform, cache-hot', atMost: 1.3 },
      { subject: 'core IPv6, 1 k cache-hot', atMost: 1.3 },
      { subject: 'core writer, 1 k streaming', atMost: 1.2 },
      { subject: 'core workers, 1 k cache-hot', atLeast: 1.9 },
    ],
  ],
  [
    ['64', 'k'],
    [
      { subject: 'core 64 k uniform, streaming', atMost: 1 },
      { subject: 'core IPv6, 64 k streaming', atMost: 1.3 },
      { subject: 'core writer, 64 k streaming', atMost: 1.2 },
      { subject: 'core workers, 64 k streaming', atLeast: 1.9 },
    ],
  ],
  [['1', 'M', 'uniform'], [{ subject: 'core 1 M uniform, streaming', atMost: 1.25 }]],
  [['1', 'M', 'zipf'], [{ subject: 'core 1 M zipf, streaming', atMost: 1.5 }]],
];
for (const [words, asked] of PARTS) checkRatios(report, 'core', asked, words);
report.finish();
