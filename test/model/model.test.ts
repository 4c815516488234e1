import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { check } from './model.ts';

const test = suite('model');

test('model: handoff and close: nothing is wrong in the first sixty steps', () => {
  const { states, error } = check({ model: 'handoff', depth: 60, limitMs: 120_000 });
  assert.is(error, '');
  assert.ok(states > 100_000, `${states} states`);
});

for (const mistake of ['RETRY_MAYBE', 'NO_CLOSE_BACK', 'NO_DRAIN'] as const) {
  test(`model: mistake ${mistake} is found`, () => {
    assert.is.not(check({ model: 'handoff', mistake, limitMs: 60_000 }).error, '');
  });
}

const SMALL = [
  { model: 'move', mistake: 'ASK_AT_ONCE' },
  { model: 'update', mistake: 'STOP_EARLY' },
] as const;

for (const { model, mistake } of SMALL) {
  test(`model: ${model}: nothing is wrong, and mistake ${mistake} is found`, () => {
    const { states, error, complete } = check({ model, limitMs: 60_000 });
    assert.is(error, '');
    assert.ok(complete && states > 10_000, `${states} states`);
    assert.is.not(check({ model, mistake, limitMs: 60_000 }).error, '');
  });
}

test.run();
