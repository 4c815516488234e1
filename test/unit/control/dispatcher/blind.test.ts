// Policies that look at no target.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Cap } from '../../../../src/control/dispatcher/cap.ts';
import { NO_SERVER } from '../../../../src/control/dispatcher/policy.ts';
import { TwoChoices } from '../../../../src/control/dispatcher/two-choices.ts';
import { Random } from '../../../../src/lab/random.ts';
import { begin } from './rig.ts';

const test = suite('blind policies');

test('CAP: each class goes round by itself, the rest is one too', () => {
  const policy = new Cap(['*.jpg', '/cgi-bin/*']);
  const { all } = begin(policy, [1, 1, 1]);
  const rounds = [0, 0, 1, 0, 2, 1, 0, 2].map((kind) => policy.select(kind, all));
  assert.equal(rounds, [0, 1, 0, 2, 0, 1, 0, 1]);
  assert.is(
    policy.select(0, Uint8Array.of(1, 0, 1)),
    2,
    'one that may not be chosen is passed over',
  );
  assert.is(policy.select(0, all), 0);
  assert.is(policy.select(0, new Uint8Array(3)), NO_SERVER);
});

test('two choices: nobody is much above the others, weights count', () => {
  const random = new Random(5);
  const policy = new TwoChoices();
  const { loads, all } = begin(policy, [1, 1, 1, 1, 2], undefined, () => random.below(1e6) / 1e6);
  for (let step = 0; step < 6000; step += 1) loads.active[policy.select(0, all)]! += 1;
  for (const [server, active] of loads.active.entries()) {
    const share = 1000 * loads.weight[server]!;
    assert.ok(Math.abs(active - share) < 60, loads.active.join(' '));
  }
  assert.is(policy.select(0, Uint8Array.of(0, 0, 1, 0, 0)), 2);
  assert.is(policy.select(0, new Uint8Array(5)), NO_SERVER);
});

test.run();
