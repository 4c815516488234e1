// The comparisons of `npm run bench` against their limits. Machines are noisy: each is repeated until it
// passes, at most three times, so that the best of three rounds counts for each by itself.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Report } from '../support/report.ts';

const ROUNDS = 3;
const LIMITS: [name: string, limit: number, what: string][] = [
  ['core', 1.3, 'core: at most 1.3 x the best C form, streaming and cache-hot'],
  ['tun', 0.85, 'tun: at least 0.85 of the packets per CPU-second of C'],
  ['download', 0.7, 'download through the agent: at least 0.7 of direct'],
];

const report = new Report();

function passes(name: string, limit: number): boolean {
  const program = fileURLToPath(new URL(`./bench-${name}.mjs`, import.meta.url));
  const args = ['--enable-source-maps', program, '--limit', String(limit)];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
  for (const line of (run.stdout + run.stderr).trim().split('\n')) report.note(line);
  return run.status === 0;
}

for (const [name, limit, what] of LIMITS) {
  let passed = false;
  let round = 0;
  while (!passed && round < ROUNDS) {
    round += 1;
    passed = passes(name, limit);
  }
  report.check(what, passed, passed ? `in round ${round}` : `in none of ${ROUNDS} rounds`);
}
report.finish();
