import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('binary');
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'baton-binary-'));
test.after(() => rmSync(folder, { recursive: true }));

function node(...words: string[]): string {
  return execFileSync(process.execPath, words, { cwd: folder, encoding: 'utf8' });
}

test('binary: its program is one file that needs no other, with piscina and its threads inside', () => {
  node(join(root, 'scripts/build-binary.mjs'), '--bundle', folder);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // without the executable there are no assets: what needs none works
  assert.is(node('main.js', '--version'), `baton ${version}\n`);
  assert.is(JSON.parse(node('main.js', 'check', '--schema')).type, 'object');
  assert.match(node('main.js', 'lab', '--help'), /--placement/);
  const text = readFileSync(join(folder, 'worker.js'), 'utf8');
  const required = [...text.matchAll(/require\("(.*?)"\)/g)].map(([, name]) => name!);
  const outside = required.filter((name) => !name.startsWith('node:'));
  assert.equal([...new Set(outside)], ['@napi-rs/nice']);
});

test.run();
