import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { askDispatcher } from '../../support/dispatch-pair.ts';

const test = suite('dispatcher');

test('dispatcher: two processes keep the batching rule on the wire', async () => {
  const { load, dispatcher } = await askDispatcher(50, 0.5);
  assert.is(load.mostOutstanding, 1);
  assert.equal(load.sizes.slice(0, 3), [1, 50, 50]);
  assert.equal(load.sizes, load.waited);
  assert.is(load.undecided, 0);
  assert.is(load.moved, 0);
  assert.ok(dispatcher.decisions >= load.decisions && load.decisions > 100);
});

test.run();
