// Runs test files of build/ with uvu, each in a process of its own, and ends with "N passed, N failed".
// Usage: node scripts/test.mjs [part of a file name]...
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const build = fileURLToPath(new URL('../build/', import.meta.url));
const patterns = process.argv.slice(2);
const files = readdirSync(build)
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => patterns.length === 0 || patterns.some((pattern) => name.includes(pattern)))
  .sort();

let passed = 0;
let failed = 0;
for (const file of files) {
  const started = Date.now();
  const run = spawnSync(process.execPath, ['--enable-source-maps', join(build, file)], {
    encoding: 'utf8',
    timeout: 300_000,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 26,
  });
  const text = run.stdout + run.stderr;
  const total = Number(/Total:\s+(\d+)/.exec(text)?.[1] ?? 0);
  const good = Number(/Passed:\s+(\d+)/.exec(text)?.[1] ?? 0);
  const bad = run.status === 0 && total > 0 ? 0 : Math.max(1, total - good);
  passed += good;
  failed += bad;
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${bad === 0 ? 'ok  ' : 'FAIL'} ${file} ${good}/${total} in ${seconds} s`);
  if (bad > 0) console.log(text);
}
if (files.length === 0) failed += 1;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
