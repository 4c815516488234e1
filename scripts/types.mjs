// What npm pack needs besides the build: build/types, the declarations that index.mjs and host.mjs show,
// and no others. tsc writes those of every module, and its imports name .ts files, which nobody will have.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { root } from './prepare.mjs';

const ENTRIES = ['src/index.ts', 'src/index-host.ts', 'src/index-planes.ts'];
const target = join(root, 'build/types');
const all = mkdtempSync(join(tmpdir(), 'baton-types-'));
const IMPORT = /((?:from|import) ?\(?')(\.[^']+)\.ts(')/g;

function take(file, taken) {
  if (taken.has(file)) return;
  taken.add(file);
  const declaration = file.replace(/\.ts$/, '.d.ts');
  const text = readFileSync(join(all, declaration), 'utf8');
  mkdirSync(dirname(join(target, declaration)), { recursive: true });
  writeFileSync(join(target, declaration), text.replaceAll(IMPORT, '$1$2.js$3'));
  for (const [, , name] of text.matchAll(IMPORT))
    take(normalize(join(dirname(file), `${name}.ts`)), taken);
}

try {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const words = [compiler, '-p', join(root, 'tsconfig.types.json'), '--outDir', all];
  execFileSync(process.execPath, words, { stdio: 'inherit' });
  rmSync(target, { recursive: true, force: true });
  const taken = new Set();
  for (const entry of ENTRIES) take(entry, taken);
  // stands in for build/.gitignore, which would keep the folder out of the package
  writeFileSync(join(root, 'build/.npmignore'), '*.map\n');
} finally {
  rmSync(all, { recursive: true, force: true });
}
