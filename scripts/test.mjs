// npm test: prepares a fresh clone, runs the test files of build/ with uvu, each in a process of its own,
// and ends with "N passed, N failed".
// Usage: node scripts/test.mjs [part of a file name]...
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll, installDependencies, installPrograms, root } from './prepare.mjs';

// a root shell made by su has no sbin folders in its path
process.env.PATH += ':/usr/sbin:/sbin';
const FILE_TIMEOUT_MS = 240_000;
const patterns = process.argv.slice(2);

/** Runs all of this as root of namespaces of its own; without them only what needs no rights is tested. */
function runAsNamespaceRoot() {
  const own = ['-Urnm', '--propagation', 'private'];
  const inside = 'mount -t tmpfs -o mode=755 tmpfs /run && ip link set lo up && exec "$@"';
  const words = [...own, 'setpriv', '--pdeathsig', 'TERM', 'sh', '-c', inside, 'sh'];
  if (spawnSync('unshare', [...words, 'true']).status !== 0) {
    console.log('not root, and no namespaces for this user (npm run -s baton -- doctor says why)');
    return;
  }
  const again = [...words, process.execPath, ...process.argv.slice(1)];
  const env = { ...process.env, [AGAIN]: '1' };
  process.exit(spawnSync('unshare', again, { stdio: 'inherit', env }).status ?? 1);
}

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
  const skipped = Number(/Skipped:\s+(\d+)/.exec(text)?.[1] ?? 0);
  const failed = run.status === 0 && total + skipped > 0 ? 0 : Math.max(1, total - passed);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const left = skipped > 0 ? `, ${skipped} skipped` : '';
  const mark = failed === 0 ? 'ok  ' : 'FAIL';
  console.log(`${mark} ${file} ${passed}/${total}${left} in ${seconds} s`);
  if (run.error) console.log(`${file}: ${run.error.message}`);
  if (failed > 0) console.log(text);
  return { passed, failed, skipped };
}

const AGAIN = 'BATON_TEST_AS_NAMESPACE_ROOT';
if (!process.env[AGAIN]) {
  installDependencies();
  if (patterns.length === 0) installPrograms();
  buildAll();
}
if (process.getuid() !== 0) runAsNamespaceRoot();
const files = readdirSync(join(root, 'build'))
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => patterns.length === 0 || patterns.some((pattern) => name.includes(pattern)))
  .sort();
if (files.length === 0) console.log(`no test file has "${patterns.join('" or "')}" in its name`);
const counts = files.map(runFile);
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, files.length === 0 ? 1 : 0);
const skipped = counts.reduce((sum, count) => sum + count.skipped, 0);
if (skipped > 0) console.log(`${skipped} skipped: the kernel forbids this user what they need`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
