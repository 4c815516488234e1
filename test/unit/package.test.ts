import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { embed, packProject } from '../support/package.ts';

const library = suite('package');
const modules = fileURLToPath(new URL('../node_modules', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'baton-package-'));
library.after(() => rmSync(folder, { recursive: true, force: true }));

/** What an installation lays out, without the registry. */
function unpack(file: string): string {
  const place = join(folder, 'node_modules/baton');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  execFileSync('tar', ['-xzf', file, '-C', place, '--strip-components=1']);
  symlinkSync(modules, join(place, 'node_modules'));
  symlinkSync(join(modules, '@types'), join(folder, 'node_modules/@types'));
  return place;
}

library('package: the programs of its document compile against the packed files, and run', () => {
  const packed = packProject(folder);
  const place = unpack(packed.file);
  const { printed, expected, hostPrinted } = embed(folder);
  assert.is(printed, expected);
  assert.match(hostPrinted, /missing\.yaml: no such file/);
  const program = join(place, 'build/baton.mjs');
  const version = execFileSync(process.execPath, [program, '--version'], { encoding: 'utf8' });
  const { version: wanted } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
  assert.is(version, `baton ${wanted}\n`);
  assert.not.ok(packed.files.some((name) => /\.map$|\.test\.|debug/.test(name)));
});

library('package: who imports the data plane loads nothing else', () => {
  const text = readFileSync(fileURLToPath(new URL('./index.mjs', import.meta.url)), 'utf8');
  assert.not.match(text, /^import\b/m);
});

library.run();
