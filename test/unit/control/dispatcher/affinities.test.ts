import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Affinities } from '../../../../src/control/dispatcher/affinities.ts';
import { NO_SERVER } from '../../../../src/control/dispatcher/policy.ts';
import { Random } from '../../../../src/lab/random.ts';

const test = suite('affinities');

test('affinities: the server that was told last, or none', () => {
  const affinities = new Affinities(64);
  assert.is(affinities.get(0), NO_SERVER);
  affinities.set(0, 3);
  affinities.set(0xffffffff, 0);
  assert.is(affinities.get(0), 3);
  assert.is(affinities.get(0xffffffff), 0);
  affinities.set(0, 1);
  assert.is(affinities.get(0), 1);
});

test('affinities: with room for all, as a Map; without, those asked for last stay', () => {
  const random = new Random(3);
  const large = new Affinities(4096);
  const model = new Map<number, number>();
  for (let turn = 0; turn < 500; turn += 1) {
    const key = random.below(2 ** 32);
    model.set(key, turn % 7).set(key, turn % 5);
    large.set(key, turn % 5);
  }
  for (const [key, server] of model) assert.is(large.get(key), server);
  const small = new Affinities(64);
  small.set(42, 6);
  for (let turn = 0; turn < 2000; turn += 1) {
    assert.is(small.get(42), 6, `asked for in turn ${turn}`);
    small.set(random.below(2 ** 32) | 64, 1);
  }
});

test.run();
