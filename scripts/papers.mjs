// npm run papers [-- --out FOLDER]: builds, then runs the papers' experiments; tables and plots go to the
// folder (build/papers).
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildAll, installDependencies, root } from './prepare.mjs';

installDependencies();
buildAll();
// npm runs scripts in the clone's folder; file names mean the one where the person stands
const out = process.argv.includes('--out') ? [] : ['--out', join(root, 'build/papers')];
const run = spawnSync(
  process.execPath,
  ['--enable-source-maps', join(root, 'build/papers.mjs'), ...out, ...process.argv.slice(2)],
  { cwd: process.env.INIT_CWD ?? root, stdio: 'inherit' },
);
process.exitCode = run.status ?? 1;
