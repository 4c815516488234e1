import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildExplorer } from './explorer.ts';
import { SCENES } from './scenes.ts';
import { EXPLORED_MISTAKES } from './table-mistakes.ts';
import { checkScene } from './table.ts';

const test = suite('table interleavings');
const LIMIT_MS = 60_000;
const LONG = ['reuse'];
const MISTAKE = 'no version check behind the copy of an entry';

test('table: in all interleavings of small scenes every call does what a plain map would', async () => {
  const explorer = await buildExplorer();
  try {
    for (const scene of SCENES.filter(({ id }) => !LONG.includes(id))) {
      const { error, complete, states } = await checkScene(explorer, scene, LIMIT_MS);
      assert.is(error, '', scene.name);
      assert.ok(complete && states > 500, `${scene.name}: ${states} states`);
    }
  } finally {
    explorer.remove();
  }
});

test('table: a core without a version check fails in its scene', async () => {
  const { changes, scene } = EXPLORED_MISTAKES.find(({ name }) => name === MISTAKE)!;
  const explorer = await buildExplorer(changes);
  try {
    const { error } = await checkScene(
      explorer,
      SCENES.find(({ id }) => id === scene)!,
      LIMIT_MS,
    );
    assert.match(error, 'no order explains');
  } finally {
    explorer.remove();
  }
});

test('table: every mistake has a scene', () => {
  const ids = SCENES.map(({ id }) => id);
  assert.equal(
    EXPLORED_MISTAKES.filter(({ scene }) => !ids.includes(scene)),
    [],
  );
});

test.run();
