// npm run acceptance [NAME [-- ARGUMENTS]]: runs one line of the acceptance list, or all of them.
// Each line is a program test/acceptance/NAME.ts that prints what it saw and exits 0 when it passed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll, installDependencies, installPrograms, root } from './prepare.mjs';

const NAMES = [
  'start',
  'bytes',
  'one-way',
  'hidden',
  'ready',
  'table',
  'checksums',
  'cookies',
  'simulation',
  'polling',
  'vips',
  'layer4',
  'floods',
  'co-located',
  'placements',
  'reload',
  'control',
  'fuzz',
  'tls',
  'deaths',
  'agent-death',
  'switch-death',
  'one-owner',
  'dispatcher',
  'dispatcher-death',
  'model',
  'rootless',
  'bench',
  'core',
  'v6',
  'pmtu',
  'slow-path',
  'cases',
  'segmentation',
  'drain',
  'server-death',
  'moves',
  'membership',
  'splicing',
  'selectors',
  'papers',
  'proxy',
  'handoff',
  'scale',
  'package',
  'binary',
  'getting-started',
  'conformance',
  'examples',
  'parse',
  'dispatch',
  'suite',
  'engines',
];

const [name, ...rest] = process.argv.slice(2);
if (name !== undefined && !NAMES.includes(name)) {
  console.error(`acceptance: no line "${name}"; there are: ${NAMES.join(', ')}`);
  process.exit(2);
}
installDependencies();
if (!installPrograms()) process.exit(1);
const MORE = {
  conformance: ['chromium', 'firefox-esr'],
  examples: ['chromium'],
  'getting-started': ['nft'],
  engines: ['nft'],
};
installPrograms(MORE[name] ?? []);
buildAll();

function run(line) {
  const file = join(root, 'build', `acceptance-${line}.mjs`);
  if (!existsSync(file)) {
    console.error(`acceptance: ${line} has no program test/acceptance/${line}.ts`);
    return false;
  }
  const args = ['--enable-source-maps', file, ...rest];
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status === 0;
}

let failed = 0;
const lines = name === undefined ? NAMES : [name];
for (const line of lines) {
  console.log(`== ${line}`);
  const started = Date.now();
  const passed = run(line);
  if (!passed) failed += 1;
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`== ${line}: ${passed ? 'passed' : 'FAILED'} in ${seconds} s`);
}
console.log(`${lines.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
