// npm run bench [-- NAME... [--json FILE] [--html FILE] [--limit SECONDS] [-- ARGUMENTS]]: builds, then runs
// the comparisons of bench/ (all, or those named) one after another, each within the limit. What they
// measured is in build/bench: NAME.json, and report.json and report.html of all that were run.
// npm run bench:readme [-- FILE]: writes the README's table and plots from what each comparison measured
// last, or from a report's JSON.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildAll, installDependencies, installPrograms, root } from './prepare.mjs';

/** What needs a quiet machine most comes first; what is not named comes last. */
const ORDER = ['core', 'parse', 'dispatch', 'engines', 'proxy', 'handoff', 'scale'];
const LIMIT_S = 1800;
const folder = join(root, 'build/bench');

function place(name) {
  const index = ORDER.indexOf(name);
  return index < 0 ? ORDER.length : index;
}

const all = readdirSync(join(root, 'bench'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length))
  .sort((one, other) => place(one) - place(other));

const words = process.argv.slice(2);
const divider = words.includes('--') ? words.indexOf('--') : words.length;
const rest = words.slice(divider + 1);
const { values, positionals } = parseArgs({
  args: words.slice(0, divider),
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    html: { type: 'string' },
    limit: { type: 'string', default: String(LIMIT_S) },
    readme: { type: 'boolean', default: false },
  },
});

/** npm runs scripts in the clone's folder; file names mean the one where the person stands. */
function fileOf(name) {
  return resolve(process.env.INIT_CWD ?? root, name);
}

function report(args) {
  const program = join(root, 'build/bench-report.mjs');
  const run = spawnSync(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit' });
  if (run.status !== 0) process.exitCode = 1;
}

/** undefined, or why it did not come to its end. */
function failureOf(name) {
  const file = join(root, 'build', `bench-${name}.mjs`);
  if (!existsSync(file)) throw new Error(`bench: ${file} was not built`);
  const sheet = join(folder, `${name}.json`);
  rmSync(sheet, { force: true });
  console.log(`== ${name}`);
  const run = spawnSync(process.execPath, ['--enable-source-maps', file, ...rest], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, BENCH_SHEET: sheet },
    timeout: 1000 * Number(values.limit),
  });
  if (run.error?.code === 'ETIMEDOUT') return `${name}: not ended after ${values.limit} s`;
  return run.status === 0 ? undefined : `${name}: exit ${run.status ?? run.signal}`;
}

function runAll(names) {
  const wrong = names.find((name) => !all.includes(name));
  if (wrong !== undefined) {
    console.error(`bench: no comparison "${wrong}"; there are: ${all.join(', ')}`);
    process.exit(2);
  }
  if (!installPrograms()) process.exit(1);
  buildAll();
  mkdirSync(folder, { recursive: true });
  const absent = names.map(failureOf).filter((failure) => failure !== undefined);
  for (const failure of absent) console.error(`bench: ${failure}`);
  if (absent.length > 0) process.exitCode = 1;
  const files = ['json', 'html'].filter((kind) => values[kind] !== undefined);
  report([
    ...files.flatMap((kind) => [`--${kind}`, fileOf(values[kind])]),
    ...absent.flatMap((failure) => ['--absent', failure]),
    ...names,
  ]);
}

installDependencies();
if (values.readme) {
  buildAll();
  const from = positionals[0] === undefined ? all : ['--from', fileOf(positionals[0])];
  report(['--readme', 'README.md', ...from]);
} else {
  runAll(positionals.length > 0 ? positionals : all);
}
