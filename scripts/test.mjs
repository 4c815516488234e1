// npm test: prepares a fresh clone, runs the test files of build/ with uvu, each in a process of its own,
// and ends with "N passed, N failed".
// Usage: node scripts/test.mjs [part of a file name]...
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll, installDependencies, installPrograms, root } from './prepare.mjs';

const FILE_TIMEOUT_MS = 240_000;
const patterns = process.argv.slice(2);

/** Runs one test file; returns its counts as uvu printed them. */
function runFile(file) {
  const started = Date.now();
  // into a file, not a pipe: what a killed test started may hold a pipe open for ever
  const output = join(root, 'build', `${file}.log`);
  const log = openSync(output, 'w');
  const run = spawnSync(process.execPath, ['--enable-source-maps', join(root, 'build', file)], {
    stdio: ['ignore', log, log],
    timeout: FILE_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, NO_COLOR: '1' },
  });
  closeSync(log);
  const text = readFileSync(output, 'utf8');
  const total = Number(/Total:\s+(\d+)/.exec(text)?.[1] ?? 0);
  const passed = Number(/Passed:\s+(\d+)/.exec(text)?.[1] ?? 0);
  const failed = run.status === 0 && total > 0 ? 0 : Math.max(1, total - passed);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${failed === 0 ? 'ok  ' : 'FAIL'} ${file} ${passed}/${total} in ${seconds} s`);
  if (run.error) console.log(`${file}: ${run.error.message}`);
  if (failed > 0) console.log(text);
  return { passed, failed };
}

installDependencies();
if (patterns.length === 0) installPrograms();
buildAll();
const files = readdirSync(join(root, 'build'))
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => patterns.length === 0 || patterns.some((pattern) => name.includes(pattern)))
  .sort();
if (files.length === 0) console.log(`no test file has "${patterns.join('" or "')}" in its name`);
const counts = files.map(runFile);
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, files.length === 0 ? 1 : 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
