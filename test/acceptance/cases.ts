// Every case of a catalogue of bad inputs, the packets ten times: npm run acceptance cases [-- FILE]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { programFile } from '../support/programs.ts';
import { Report } from '../support/report.ts';

const OWN = fileURLToPath(new URL('../test/cases/catalogue.json', import.meta.url));
const TIMES = 10;

const report = new Report();
const file = process.argv[2] ?? OWN;
const program = programFile('cases');
const run = spawnSync(process.execPath, [program, file, '--times', String(TIMES)], {
  encoding: 'utf8',
  maxBuffer: 1 << 26,
});
const lines = run.stdout.trim().split('\n');
for (const line of lines) report.note(line);
const [, passed = '0', failed = '?'] =
  /^(\d+) passed, (\d+) failed$/.exec(lines.at(-1) ?? '') ?? [];
report.check('cases passed', Number(passed) > 0, passed);
report.check(
  'cases failed',
  run.status === 0 && failed === '0',
  `${failed} ${run.stderr.slice(-500)}`,
);
report.finish();
