// The policies that keep targets on servers, each against a plain form of what its paper says.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PlainLard } from '../../../../bench/dispatch/plain-lard.ts';
import { LARD } from '../../../../src/config/choices.ts';
import { BoundedLoad } from '../../../../src/control/dispatcher/bounded-load.ts';
import { Lard } from '../../../../src/control/dispatcher/lard.ts';
import { LardCost } from '../../../../src/control/dispatcher/lard-cost.ts';
import { LardReplicated } from '../../../../src/control/dispatcher/lard-replicated.ts';
import { Maglev, maglevTable } from '../../../../src/control/dispatcher/maglev.ts';
import { NO_SERVER } from '../../../../src/control/dispatcher/policy.ts';
import { Random } from '../../../../src/lab/random.ts';
import { begin } from './rig.ts';

const test = suite('locality');
const SERVERS = 5;

function least(servers: number[], load: Int32Array): number {
  return servers.toSorted((a, b) => load[a]! - load[b]! || a - b)[0] ?? NO_SERVER;
}

/** LARD/R as a map of sets. */
function plainReplicated(): (target: number, load: Int32Array, nowMs: number) => number {
  const sets = new Map<number, { servers: number[]; changed: number }>();
  const all = Array.from({ length: SERVERS }, (_, index) => index);
  return (target, load, nowMs) => {
    const set = sets.get(target) ?? { servers: [least(all, load)], changed: nowMs };
    sets.set(target, set);
    const most = set.servers.toSorted((a, b) => load[a]! - load[b]! || a - b).at(-1)!;
    let chosen = least(set.servers, load);
    const isHot = load[chosen]! > 65 && all.some((server) => load[server]! < 25);
    if (isHot || load[chosen]! >= 130) {
      chosen = least(all, load);
      if (!set.servers.includes(chosen)) {
        set.servers.push(chosen);
        set.changed = nowMs;
      }
    }
    if (set.servers.length > 1 && nowMs - set.changed > 20_000 && most !== chosen) {
      set.servers = set.servers.filter((server) => server !== most);
      set.changed = nowMs;
    }
    return chosen;
  };
}

test('LARD: as the plain form, from few connections to an overload', () => {
  const random = new Random(5);
  const policy = new Lard(LARD.tLow, LARD.tHigh);
  const weights = Array.from({ length: SERVERS }, () => 1);
  const { loads, all } = begin(policy, weights);
  const plain = new PlainLard(SERVERS);
  const open: number[] = [];
  let moves = 0;
  const last = new Map<number, number>();
  for (let step = 0; step < 60_000; step += 1) {
    const most = step % 20_000 < 10_000 ? 150 : 800;
    while (open.length >= most) {
      const [server] = open.splice(random.below(open.length), 1);
      loads.active[server!]! -= 1;
      plain.release(server!);
    }
    // a few targets are most of what is asked for: their servers get hot
    const target = random.chance(0.6) ? random.below(3) : random.next();
    const server = policy.select(target, all);
    assert.is(server, plain.assign(target), `step ${step}`);
    if ((last.get(target) ?? server) !== server) moves += 1;
    last.set(target, server);
    loads.active[server]! += 1;
    open.push(server);
  }
  assert.ok(moves > 100, `${moves} moves`);
});

test('LARD with replication: as the plain form, over random loads and times', () => {
  const random = new Random(8);
  const policy = new LardReplicated(LARD.tLow, LARD.tHigh);
  const { loads, all } = begin(
    policy,
    Array.from({ length: SERVERS }, () => 1),
  );
  const plain = plainReplicated();
  const chosen = new Set<number>();
  let nowMs = 0;
  for (let step = 0; step < 30_000; step += 1) {
    nowMs += random.below(2000);
    for (let server = 0; server < SERVERS; server += 1) {
      if (random.chance(0.2))
        loads.active[server] = random.pick([0, 10, 24, 25, 66, 80, 129, 130, 200]);
    }
    const target = random.below(50);
    const server = policy.select(target, all, nowMs);
    assert.is(server, plain(target, loads.active, nowMs), `step ${step}`);
    chosen.add(server);
  }
  assert.is(chosen.size, SERVERS);
});

test('LARD with replication: more than 32 servers', () => {
  const policy = new LardReplicated(LARD.tLow, LARD.tHigh);
  const { loads, all } = begin(
    policy,
    Array.from({ length: 70 }, () => 1),
  );
  loads.active.fill(70);
  loads.active[66] = 0;
  assert.is(policy.select(7, all, 0), 66);
  loads.active[66] = 70;
  loads.active[3] = 1;
  assert.is(policy.select(7, all, 1), 3, 'a replica');
  loads.active[3] = 71;
  assert.is(policy.select(7, all, 2), 66, 'both are in the set, this one has less');
  all[66] = 0;
  assert.is(policy.select(7, all, 3), 3);
});

test('LARD as costs: load, a miss and what it pushes out, weighed in one sum', () => {
  const policy = new LardCost();
  const { loads, all } = begin(policy, [1, 1]);
  assert.is(policy.select(1, all), 0);
  loads.active.set([79, 0]); // 49 + 1 against 0 + 50: the hit costs no more
  assert.is(policy.select(1, all), 0);
  loads.active.set([80, 0]); // 50 + 1 against 0 + 50
  assert.is(policy.select(1, all), 1);
  loads.active.set([40, 130]); // 10 + 50 + 50 against 100 + 1
  assert.is(policy.select(1, all), 1);
  loads.active.set([200, 300]);
  assert.is(policy.select(1, all), 0, 'all overloaded: the least loaded');
  assert.is(policy.select(1, new Uint8Array(2)), NO_SERVER);
});

test('Maglev: shares follow the weights', () => {
  const weights = [1, 2, 0.5, 4];
  const table = maglevTable(weights, [10, 11, 12, 13]);
  const counts = weights.map(() => 0);
  for (const server of table) counts[server]! += 1;
  for (const [server, weight] of weights.entries()) {
    const share = counts[server]! / table.length;
    assert.ok(Math.abs(share - weight / 7.5) < 0.005, `${server}: ${share}`);
  }
});

test('Maglev: when a server goes its targets are spread, and nearly all others stay', () => {
  const policy = new Maglev();
  const { all } = begin(policy, [1, 1, 1, 1]);
  const before = Array.from({ length: 20_000 }, (_, target) => policy.select(target, all));
  all[2] = 0;
  const after = before.map((_, target) => policy.select(target, all));
  const counts = [0, 0, 0, 0];
  for (const [target, server] of before.entries()) {
    if (server === 2) counts[after[target]!]! += 1;
    else assert.is(after[target], server);
  }
  assert.is(counts[2], 0);
  for (const server of [0, 1, 3]) assert.ok(counts[server]! > 1300, counts.join(' '));
  all[2] = 1;
  assert.equal(
    before.map((_, target) => policy.select(target, all)),
    before,
  );
  // the configuration loses the server: positions move, names do not
  const smaller = maglevTable([1, 1, 1], [1000, 1001, 1003]).map((place) => [0, 1, 3][place]!);
  const larger = maglevTable([1, 1, 1, 1], [1000, 1001, 1002, 1003]);
  const moved = larger.filter((server, place) => server !== 2 && server !== smaller[place]).length;
  assert.ok(moved < larger.length / 20, `${moved} moved`);
});

test('Maglev: a server that is starting gets its targets back one after the other, and no others', () => {
  const policy = new Maglev();
  const { loads, all } = begin(policy, [1, 1, 1]);
  const targets = Array.from({ length: 3000 }, (_, index) => index * 7919);
  const whole = targets.map((target) => policy.select(target, all));
  const own = whole.filter((server) => server === 0).length;
  let before = new Set<number>();
  for (const share of [0.01, 0.25, 0.5, 0.75, 1]) {
    loads.share[0] = share;
    const now = targets.map((target) => policy.select(target, all));
    const there = new Set(targets.filter((_, at) => now[at] === 0));
    const moved = targets.filter((_, at) => whole[at] !== 0 && now[at] !== whole[at]);
    assert.is(moved.length, 0);
    assert.ok([...before].every((target) => there.has(target)));
    assert.ok(Math.abs(there.size - own * share) < 60, `${there.size} of ${own} at ${share}`);
    before = there;
  }
  loads.share[0] = 0.01;
  assert.is(policy.select(1, Uint8Array.of(1, 0, 0)), 0, 'it is the only one');
});

test('bounded load: no server has more than its bound, one hot target is spread', () => {
  const policy = new BoundedLoad(1.25);
  const { loads, all } = begin(policy, [1, 1, 2, 1]);
  const random = new Random(3);
  for (let step = 1; step <= 2000; step += 1) {
    const target = random.chance(0.5) ? 77 : random.next();
    const server = policy.select(target, all);
    loads.active[server]! += 1;
    const bound = Math.ceil(((1.25 * step) / 5) * loads.weight[server]!);
    assert.ok(loads.active[server]! <= bound, `${loads.active.join(' ')} after ${step}`);
  }
  assert.ok(loads.active.every((active) => active > 100));
});

test.run();
