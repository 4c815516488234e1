import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Gather, HOLE_LIMIT } from '../../../../src/control/distributor/gather.ts';
import { Random } from '../../../../src/lab/random.ts';

const test = suite('gather');

/** The obvious version: one optional byte for each position. */
class Obvious {
  readonly bytes: (number | undefined)[];

  constructor(limit: number) {
    this.bytes = Array.from({ length: limit }, () => undefined);
  }

  add(start: number, segment: Uint8Array): void {
    segment.forEach((byte, index) => {
      const at = start + index;
      if (at >= 0 && at < this.bytes.length) this.bytes[at] ??= byte;
    });
  }

  get length(): number {
    const hole = this.bytes.indexOf(undefined);
    return hole < 0 ? this.bytes.length : hole;
  }

  get islands(): number {
    const present = this.bytes.map((byte) => byte !== undefined);
    return present.filter((here, at) => here && at > 0 && !present[at - 1]).length;
  }
}

test('gather: segments in any order, overlapping, with other bytes: as the obvious version', () => {
  const random = new Random(7);
  for (let round = 0; round < 400; round += 1) {
    const limit = random.between(1, 300);
    const base = random.pick([0, 5, 0xffffff80, 0x7fffffc0]);
    const gather = new Gather(base, limit);
    const obvious = new Obvious(limit);
    for (let step = 0; step < 60; step += 1) {
      const start = random.between(-20, limit + 20);
      const segment = random.bytes(random.between(0, random.pick([1, 8, 80])));
      if (gather.add((base + start) >>> 0, segment) !== 'refused') obvious.add(start, segment);
      assert.is(gather.length, obvious.length);
      assert.is(gather.islands.length, obvious.islands);
      assert.equal([...gather.contents], obvious.bytes.slice(0, obvious.length));
    }
  }
});

test('gather: any cutting and order of a text gives the text', () => {
  const random = new Random(8);
  const text = random.bytes(3000);
  for (let round = 0; round < 100; round += 1) {
    const gather = new Gather(0xfffffe00);
    const cuts: [number, number][] = [];
    for (let from = 0; from < text.length;) {
      const to = Math.min(text.length, from + random.between(1, 400));
      cuts.push([from, to]);
      from = to;
    }
    cuts.sort(() => random.fraction() - 0.5);
    for (const [from, to] of cuts) {
      gather.add((0xfffffe00 + from) >>> 0, text.subarray(from, to));
    }
    assert.equal(gather.contents, text);
  }
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test('gather: the first copy of a byte wins', () => {
  const gather = new Gather(0);
  gather.add(4, bytes('EFGH'));
  gather.add(2, bytes('cdefghij'));
  gather.add(0, bytes('ab'));
  assert.is(new TextDecoder().decode(gather.contents), 'abcdEFGHij');
});

test('gather: holes are bounded, what closes one is taken', () => {
  const gather = new Gather(0);
  const byte = Uint8Array.of(1);
  for (let hole = 0; hole < HOLE_LIMIT; hole += 1) {
    assert.is(gather.add(1 + hole * 2, byte), 'kept');
  }
  assert.is(gather.add(1001, byte), 'refused');
  assert.is(gather.add(2, byte), 'kept', 'joins two');
  assert.is(gather.add(0, byte), 'grown');
  assert.is(gather.length, 4);
});

test('gather: nothing is kept beyond the limit', () => {
  const gather = new Gather(0, 10);
  assert.is(gather.add(0, new Uint8Array(50)), 'grown');
  assert.is(gather.length, 10);
  assert.is(gather.room, 0);
  assert.is(gather.add(10, new Uint8Array(1)), 'known');
});

test.run();
