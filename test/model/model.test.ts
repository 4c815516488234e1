import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { check } from './model.ts';

const test = suite('model');

test('model: handoff and close: nothing is wrong in the first sixty steps', () => {
  const { states, error } = check({ depth: 60, limitMs: 120_000 });
  assert.is(error, '');
  assert.ok(states > 100_000, `${states} states`);
});

for (const mistake of ['RETRY_MAYBE', 'NO_CLOSE_BACK', 'NO_DRAIN'] as const) {
  test(`model: mistake ${mistake} is found`, () => {
    assert.is.not(check({ mistake, limitMs: 60_000 }).error, '');
  });
}

test.run();
