// Which switch of a group a tuple belongs to, and when what nobody tells is not there.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tuple } from '../../../../src/channel/messages.ts';
import { Owners } from '../../../../src/control/switch/owners.ts';

const test = suite('owners');
const NAMES = ['a', 'b', 'c', 'switch', 'switch2'];

/** As `self` sees the group when just these can be reached. */
function seenBy(self: string, up: readonly string[]): Owners {
  const owners = new Owners(
    self,
    NAMES.filter((name) => name !== self),
  );
  for (const name of up) if (name !== self) owners.changed(name, true, 0);
  return owners;
}

function tupleAt(number: number): Tuple {
  const client = Uint8Array.of(10, number >> 16, (number >> 8) & 255, number & 255);
  const vip = Uint8Array.of(192, 0, 2, 80);
  return { client, clientPort: 1024 + ((number * 7919) % 60_000), vip, vipPort: 80 };
}

const TUPLES = Array.from({ length: 2000 }, (_, number) => tupleAt(number));

/** Who owns it, told by name, whoever is asked. */
function ownerBy(self: string, up: readonly string[], tuple: Tuple): string {
  return seenBy(self, up).ownerOf(tuple) ?? self;
}

test('owners: all that see the same switches name the same owner', () => {
  for (const up of [NAMES, ['a', 'switch2'], ['b', 'c', 'switch']]) {
    for (const tuple of TUPLES.slice(0, 200)) {
      const named = new Set(up.map((self) => ownerBy(self, up, tuple)));
      assert.is(named.size, 1);
      assert.ok(up.includes([...named][0]!));
    }
  }
});

test('owners: who leaves takes nothing with it but what was its own', () => {
  const rest = NAMES.filter((name) => name !== 'b');
  for (const tuple of TUPLES) {
    const before = ownerBy('a', NAMES, tuple);
    if (before !== 'b') assert.is(ownerBy('a', rest, tuple), before);
  }
});

test('owners: each has its share, by names that differ in one letter, too', () => {
  const counts = new Map<string, number>();
  for (const tuple of TUPLES) {
    const owner = ownerBy('a', NAMES, tuple);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  for (const name of NAMES) {
    const share = counts.get(name)! / TUPLES.length;
    assert.ok(share > 0.15 && share < 0.25, `${name} has ${share}`);
  }
});

test('owners: who is alone owns everything, and nobody is there to be asked', () => {
  const alone = new Owners('switch', []);
  assert.not(alone.areThere);
  assert.ok(TUPLES.every((tuple) => alone.ownerOf(tuple) === null));
});

test('owners: settled when all are there and nothing has changed for ten seconds', () => {
  const owners = new Owners('switch', ['a', 'b']);
  assert.not(owners.isSettled(0));
  assert.not(owners.isSettled(20_000), 'a and b have never been seen');
  owners.changed('a', true, 20_000);
  owners.changed('b', true, 21_000);
  assert.not(owners.isSettled(30_999));
  assert.ok(owners.isSettled(31_000));
  owners.changed('a', false, 40_000);
  assert.equal(owners.up, ['b']);
  assert.not(owners.isSettled(90_000), 'as long as one cannot be reached');
  owners.changed('a', true, 90_000);
  assert.not(owners.isSettled(99_999));
  assert.ok(owners.isSettled(100_000));
});

test.run();
