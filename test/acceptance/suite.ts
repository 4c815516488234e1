// The end-to-end tests with each engine: every test of a lab, then every byte of nginx and Apache over both
// address families. A lab's test fails when a kernel in it has received a wrong checksum. Engines alone:
// -- NAME...
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../../src/packet-io/engine.ts';
import { checkEngine } from '../support/byte-exact.ts';
import { ENGINE_VARIABLE } from '../support/lab.ts';
import { Report } from '../support/report.ts';

const ENGINES: Engine[] = ['tun', 'packet', 'xdp'];
const LIMIT_MS = 240_000;

/** What uvu counted, and if not all passed, the text. */
function runTests(file: string, engine: Engine): { passed: boolean; seen: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--enable-source-maps', file], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, NO_COLOR: '1', [ENGINE_VARIABLE]: engine },
  });
  const figure = (name: string): string =>
    new RegExp(`${name}:\\s+(\\d+)`).exec(stdout)?.[1] ?? '0';
  const passed = status === 0 && figure('Total') !== '0';
  const seen = `${figure('Passed')} of ${figure('Total')}`;
  return { passed, seen: passed ? seen : `${seen}\n${stdout}${stderr}` };
}

const report = new Report();
const folder = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(folder).filter((name) => /^netns-.*\.test\.mjs$/.test(name));
const chosen = process.argv.slice(2);
for (const engine of ENGINES.filter((name) => chosen.length === 0 || chosen.includes(name))) {
  for (const file of files.toSorted()) {
    const { passed, seen } = runTests(folder + file, engine);
    report.check(`${engine}: ${file.replace('.test.mjs', '')}`, passed, seen);
  }
  await checkEngine(report, engine);
}
report.finish();
