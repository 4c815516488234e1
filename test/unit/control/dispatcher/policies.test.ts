import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LARD } from '../../../../src/config/choices.ts';
import type { PolicyName } from '../../../../src/config/choices.ts';
import { Dispatcher } from '../../../../src/control/dispatcher/dispatcher.ts';
import { Lard } from '../../../../src/control/dispatcher/lard.ts';
import { LeastConnections } from '../../../../src/control/dispatcher/least-connections.ts';
import { NO_SERVER } from '../../../../src/control/dispatcher/policy.ts';
import { RoundRobin } from '../../../../src/control/dispatcher/round-robin.ts';
import { Random } from '../../../../src/lab/random.ts';
import { begin } from './rig.ts';

const test = suite('policies');

test('round robin: weights 5 1 1 are spread, not in runs', () => {
  const policy = new RoundRobin();
  const { all } = begin(policy, [5, 1, 1]);
  const chosen = Array.from({ length: 14 }, () => 'abc'[policy.select(0, all)]);
  assert.is(chosen.join(''), 'aabacaaaabacaa');
});

test('round robin: shares follow the weights, servers that may not be chosen get none', () => {
  const policy = new RoundRobin();
  const { all } = begin(policy, [1, 2.5, 0.5, 4]);
  const counts = [0, 0, 0, 0];
  for (let round = 0; round < 800; round += 1) counts[policy.select(0, all)]! += 1;
  assert.equal(counts, [100, 250, 50, 400]);
  for (let round = 0; round < 10; round += 1) {
    assert.is(policy.select(0, Uint8Array.of(0, 0, 1, 0)), 2);
  }
  assert.is(policy.select(0, new Uint8Array(4)), NO_SERVER);
});

test('round robin: with any weights each choice is whoever is furthest behind its share', () => {
  const random = new Random(3);
  for (let round = 0; round < 100; round += 1) {
    const weights = Array.from({ length: 1 + random.below(6) }, () => 1 + random.below(9));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const policy = new RoundRobin();
    const { all } = begin(policy, weights);
    const counts = weights.map(() => 0);
    for (let step = 1; step <= 2 * sum; step += 1) {
      const behind = weights.map((weight, index) => step * weight - sum * counts[index]!);
      const expected = behind.indexOf(Math.max(...behind));
      assert.is(policy.select(0, all), expected, weights.join());
      counts[expected]! += 1;
    }
    assert.equal(
      counts,
      weights.map((weight) => 2 * weight),
    );
  }
});

test('least connections: the fewest for its weight', () => {
  const policy = new LeastConnections();
  const { loads, all } = begin(policy, [1, 3], [0, 0]);
  for (let count = 0; count < 40; count += 1) loads.active[policy.select(0, all)]! += 1;
  assert.equal([...loads.active], [10, 30]);
  assert.is(policy.select(0, Uint8Array.of(1, 0)), 0);
  assert.is(policy.select(0, new Uint8Array(2)), NO_SERVER);
});

test('LARD: a target stays with its server up to T_high', () => {
  const policy = new Lard(LARD.tLow, LARD.tHigh);
  const { loads, all } = begin(policy, [1, 1, 1], [3, 2, 4]);
  assert.is(policy.select(42, all), 1);
  loads.active[1] = 65;
  assert.is(policy.select(42, all), 1);
});

test('LARD: above T_high it moves only if a server is below T_low', () => {
  const policy = new Lard(LARD.tLow, LARD.tHigh);
  const { loads, all } = begin(policy, [1, 1], [1, 0]);
  assert.is(policy.select(42, all), 1);
  loads.active.set([25, 66]);
  assert.is(policy.select(42, all), 1);
  loads.active.set([24, 66]);
  assert.is(policy.select(42, all), 0);
  loads.active.set([66, 0]);
  assert.is(policy.select(42, all), 1, 'and is remembered there');
});

test('LARD: from twice T_high on it moves in any case', () => {
  const policy = new Lard(LARD.tLow, LARD.tHigh);
  const { loads, all } = begin(policy, [1, 1], [1, 0]);
  assert.is(policy.select(42, all), 1);
  loads.active.set([100, 130]);
  assert.is(policy.select(42, all), 0);
});

test('LARD: the targets of a server that is gone find another', () => {
  const policy = new Lard(LARD.tLow, LARD.tHigh);
  const { all } = begin(policy, [1, 1], [1, 0]);
  assert.is(policy.select(42, all), 1);
  assert.is(policy.select(42, Uint8Array.of(1, 0)), 0);
  assert.is(policy.select(42, all), 0);
  assert.is(policy.select(43, new Uint8Array(2)), NO_SERVER);
});

function server(name: string) {
  return { name, agent: { address: new Uint8Array(4), port: 1 }, port: 80, weight: 1 };
}

function pool(name: string, servers: string[], policy: PolicyName = 'least-connections') {
  return { name, servers, policy, tLow: 25, tHigh: 65 };
}

test('dispatcher: counts what is assigned and not closed, over all pools', () => {
  const dispatcher = new Dispatcher(
    [server('a'), server('b')],
    [pool('both', ['a', 'b']), pool('one', ['a'])],
    () => 0.5,
  );
  const all = Uint8Array.of(1, 1);
  assert.is(dispatcher.assign('one', 0, all, 0), 0);
  assert.is(dispatcher.assign('both', 0, all, 0), 1);
  assert.is(dispatcher.assign('unknown', 0, all, 0), NO_SERVER);
  assert.equal([...dispatcher.loads.active], [1, 1]);
  dispatcher.release(0);
  dispatcher.release(0);
  assert.equal([...dispatcher.loads.active], [0, 1]);
});

test('dispatcher: a policy ends when its pool is gone or has another one, and only then', () => {
  const servers = [server('a'), server('b')];
  let ended = 0;
  const { shutdown } = LeastConnections.prototype;
  LeastConnections.prototype.shutdown = () => void (ended += 1);
  try {
    const dispatcher = new Dispatcher(servers, [pool('x', ['a']), pool('y', ['a'])], () => 0.5);
    dispatcher.configure(servers, [pool('x', ['a', 'b']), pool('y', ['b'])]);
    assert.is(ended, 0);
    dispatcher.configure(servers, [pool('x', ['a'], 'lard'), pool('y', ['b'])]);
    assert.is(ended, 1);
    dispatcher.configure(servers, [pool('x', ['a'], 'lard')]);
    assert.is(ended, 2);
  } finally {
    LeastConnections.prototype.shutdown = shutdown;
  }
});

test.run();
