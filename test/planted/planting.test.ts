import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { plant } from './core.ts';
import { EXPLORED_MISTAKES } from '../model/table-mistakes.ts';
import { CLUSTER_MISTAKES } from './cluster-mistakes.ts';
import { CORE_MISTAKES } from './core-mistakes.ts';
import { DEATH_MISTAKES } from './death-mistakes.ts';
import { GROUP_MISTAKES } from './group-mistakes.ts';
import { FUZZ_MISTAKES } from './fuzz-mistakes.ts';
import { MISTAKES } from './mistakes.ts';
import { SLOW } from './slow-core.ts';

const planting = suite('planted mistakes');
const root = fileURLToPath(new URL('..', import.meta.url));

for (const { name, changes } of [
  ...MISTAKES,
  ...CLUSTER_MISTAKES,
  ...GROUP_MISTAKES,
  ...DEATH_MISTAKES,
  ...CORE_MISTAKES,
  ...EXPLORED_MISTAKES,
  ...FUZZ_MISTAKES,
  { name: 'slow core', changes: SLOW },
]) {
  planting(`can still be planted: ${name}`, () => {
    for (const change of changes) {
      const text = readFileSync(join(root, change.file), 'utf8');
      assert.is.not(plant(text, change), text);
    }
  });
}

planting('a change whose place is not there exactly once is refused', () => {
  const change = { file: 'x.ts', find: 'a', replace: 'b' };
  assert.throws(() => plant('xyz', change), /found 0 times/);
  assert.throws(() => plant('a a', change), /found 2 times/);
});

planting.run();
