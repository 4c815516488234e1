// Builds everything into build/, flat, so that each file finds the Wasm core beside itself:
//   core.wasm core-debug.wasm core-single.wasm   the core (asc, targets of asconfig.json)
//   baton.mjs worker.mjs                          the program, the worker threads' entry
//   index.mjs host.mjs                           the library: the data plane, a whole host
//   lab-inside.mjs lab-mortal.mjs                what the lab runs inside its hosts
//   layout.h                                     the memory's offsets, for C
//   papers.mjs                                   the papers' experiments
//   bench-report.mjs                             the report of the comparisons
//   conformance-HOST.mjs                         the core's vectors in other runtimes
//   <path-with-dashes>.test.mjs                  each test file; acceptance-NAME.mjs, bench-NAME.mjs
// Usage: node scripts/build.mjs [--no-core | --core]
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

function filesBelow(folder, suffix) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => name.endsWith(suffix));
}

function newestBelow(folder) {
  return Math.max(...filesBelow(folder, '.ts').map((name) => statSync(name).mtimeMs));
}

function buildCore() {
  const newest = Math.max(newestBelow('assembly'), statSync('asconfig.json').mtimeMs);
  for (const [target, file] of Object.entries({
    release: 'build/core.wasm',
    debug: 'build/core-debug.wasm',
    single: 'build/core-single.wasm',
  })) {
    if (existsSync(file) && statSync(file).mtimeMs > newest) continue;
    const entry = target === 'debug' ? 'assembly/debug.ts' : 'assembly/index.ts';
    const asc = 'node_modules/assemblyscript/bin/asc.js';
    // a program that runs meanwhile must never see half a file
    const written = `${file}.${process.pid}`;
    const args = [asc, entry, '--config', 'asconfig.json', '--target', target, '-o', written];
    execFileSync(process.execPath, args, { stdio: 'inherit' });
    renameSync(written, file);
  }
}

/** A test whose source was moved or removed must not go on passing. */
function removeStale(wanted) {
  for (const name of readdirSync('build')) {
    if (name.endsWith('.test.mjs') && !wanted.includes(name)) rmSync(join('build', name));
  }
}

async function buildProgram() {
  const { build } = await import('esbuild');
  const entryPoints = [];
  const add = (file, out) => existsSync(file) && entryPoints.push({ in: file, out });
  add('src/main.ts', 'baton');
  add('src/index.ts', 'index');
  add('src/index-host.ts', 'host');
  add('src/index-planes.ts', 'planes');
  add('examples/one-process/main.ts', 'example-one-process');
  add('src/workers/worker.ts', 'worker');
  add('src/lab/inside.ts', 'lab-inside');
  add('src/lab/mortal.ts', 'lab-mortal');
  add('bench/papers/papers.ts', 'papers');
  add('bench/report/write.ts', 'bench-report');
  for (const file of filesBelow('test', '.test.ts')) {
    add(file, file.slice('test/'.length, -'.ts'.length).replaceAll('/', '-'));
  }
  for (const folder of ['test/acceptance', 'test/threads', 'test/programs', 'bench']) {
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
      add(join(folder, file), `${basename(folder)}-${file.slice(0, -'.ts'.length)}`);
    }
  }
  for (const host of ['node', 'web', 'all']) {
    add(`test/conformance/hosts/${host}.ts`, `conformance-${host}`);
  }
  removeStale(entryPoints.map(({ out }) => `${out}.mjs`));
  await build({
    entryPoints,
    outdir: 'build',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'linked',
    logLevel: 'warning',
  });
}

/** The offsets for C, from the library that was just built. */
async function writeHeader() {
  const { layout, calls, verdict } = await import('../build/index.mjs');
  const constants = Object.entries({ ...layout, ...calls, ...verdict });
  const lines = constants.map(([name, value]) => `#define ${name} ${value}u`);
  writeFileSync('build/layout.h', `#pragma once\n${lines.join('\n')}\n`);
}

if (!process.argv.includes('--no-core')) buildCore();
if (!process.argv.includes('--core')) {
  await buildProgram();
  await writeHeader();
}
