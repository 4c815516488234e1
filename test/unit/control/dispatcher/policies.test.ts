import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Dispatcher } from '../../../../src/control/dispatcher/dispatcher.ts';
import { Lard } from '../../../../src/control/dispatcher/lard.ts';
import { LeastConnections } from '../../../../src/control/dispatcher/least-connections.ts';
import { NO_SERVER } from '../../../../src/control/dispatcher/policy.ts';
import type { Policy } from '../../../../src/control/dispatcher/policy.ts';
import { RoundRobin } from '../../../../src/control/dispatcher/round-robin.ts';
import { TargetTable } from '../../../../src/control/dispatcher/target-table.ts';
import { Random } from '../../../support/random.ts';

const test = suite('policies');

function begin(policy: Policy, weights: number[], active: number[] = weights.map(() => 0)) {
  const loads = { active: Int32Array.from(active), weight: Float64Array.from(weights) };
  policy.init({ members: weights.map((_, index) => index), loads, random: () => 0.5 });
  const all = new Uint8Array(weights.length).fill(1);
  return { loads, all };
}

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

test('least connections: the fewest for its weight', () => {
  const policy = new LeastConnections();
  const { loads, all } = begin(policy, [1, 3], [0, 0]);
  for (let count = 0; count < 40; count += 1) loads.active[policy.select(0, all)]! += 1;
  assert.equal([...loads.active], [10, 30]);
  assert.is(policy.select(0, Uint8Array.of(1, 0)), 0);
  assert.is(policy.select(0, new Uint8Array(2)), NO_SERVER);
});

test('LARD: a target stays with its server up to T_high', () => {
  const policy = new Lard();
  const { loads, all } = begin(policy, [1, 1, 1], [3, 2, 4]);
  assert.is(policy.select(42, all), 1);
  loads.active[1] = 65;
  assert.is(policy.select(42, all), 1);
});

test('LARD: above T_high it moves only if a server is below T_low', () => {
  const policy = new Lard();
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
  const policy = new Lard();
  const { loads, all } = begin(policy, [1, 1], [1, 0]);
  assert.is(policy.select(42, all), 1);
  loads.active.set([100, 130]);
  assert.is(policy.select(42, all), 0);
});

test('LARD: the targets of a server that is gone find another', () => {
  const policy = new Lard();
  const { all } = begin(policy, [1, 1], [1, 0]);
  assert.is(policy.select(42, all), 1);
  assert.is(policy.select(42, Uint8Array.of(1, 0)), 0);
  assert.is(policy.select(42, all), 0);
  assert.is(policy.select(43, new Uint8Array(2)), NO_SERVER);
});

test('target table: as a map, as long as nothing has to be forgotten', () => {
  const random = new Random(4);
  const table = new TargetTable(65536);
  const map = new Map<number, number>();
  for (let step = 0; step < 20_000; step += 1) {
    const target = random.pick([random.next(), random.below(2000)]);
    if (random.chance(0.5)) {
      const server = random.below(300);
      table.set(target, server);
      map.set(target, server);
    } else {
      assert.is(table.get(target), map.get(target) ?? -1);
    }
  }
});

test('target table: bounded, the one asked for the longest ago is forgotten', () => {
  const table = new TargetTable(8);
  for (let target = 0; target < 8; target += 1) table.set(target, target);
  assert.is(table.get(0), 0);
  table.set(100, 9);
  assert.is(table.get(0), 0, 'was just asked for');
  assert.is(table.get(1), -1);
  assert.is(table.get(100), 9);
});

test('dispatcher: counts what is assigned and not closed, over all pools', () => {
  const server = (name: string) => {
    return { name, agent: { address: new Uint8Array(4), port: 1 }, port: 80, weight: 1 };
  };
  const pool = (name: string, servers: string[]) => {
    return { name, servers, policy: 'least-connections' as const, tLow: 25, tHigh: 65 };
  };
  const dispatcher = new Dispatcher(
    [server('a'), server('b')],
    [pool('both', ['a', 'b']), pool('one', ['a'])],
    () => 0.5,
  );
  const all = Uint8Array.of(1, 1);
  assert.is(dispatcher.assign('one', 0, all), 0);
  assert.is(dispatcher.assign('both', 0, all), 1);
  assert.is(dispatcher.assign('unknown', 0, all), NO_SERVER);
  assert.equal([...dispatcher.loads.active], [1, 1]);
  dispatcher.release(0);
  dispatcher.release(0);
  assert.equal([...dispatcher.loads.active], [0, 1]);
});

test.run();
