import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadlines } from '../../../src/control/deadlines.ts';
import { Random } from '../../../src/lab/random.ts';

const test = suite('deadlines');

test('deadlines: things come out by time, each once, at its earliest', () => {
  const random = new Random(3);
  for (let round = 0; round < 50; round += 1) {
    const deadlines = new Deadlines<{ queuedMs: number; place: number; name: number }>();
    const things = Array.from({ length: 20 }, (_, name) => ({
      queuedMs: Infinity,
      place: -1,
      name,
    }));
    const earliest = new Map<number, number>();
    for (let step = 0; step < 60; step += 1) {
      const thing = random.pick(things);
      if (random.chance(0.2)) {
        deadlines.remove(thing);
        earliest.delete(thing.name);
      }
      const at = random.below(1000);
      deadlines.add(thing, at);
      earliest.set(thing.name, Math.min(at, earliest.get(thing.name) ?? Infinity));
    }
    assert.is(deadlines.size, earliest.size);
    const out: [number, number][] = [];
    for (let now = 0; now < 1000; now += 1) {
      for (;;) {
        const thing = deadlines.takeDue(now);
        if (!thing) break;
        out.push([now, thing.name]);
      }
    }
    assert.is(out.length, earliest.size);
    for (const [now, name] of out) assert.is(now, earliest.get(name));
    assert.is(deadlines.nextMs, Infinity);
  }
});

test('deadlines: a thing that came out may be put in again', () => {
  const deadlines = new Deadlines<{ queuedMs: number; place: number }>();
  const thing = { queuedMs: Infinity, place: -1 };
  deadlines.add(thing, 5);
  assert.is(deadlines.takeDue(4), undefined);
  assert.is(deadlines.takeDue(5), thing);
  deadlines.add(thing, 7);
  assert.is(deadlines.nextMs, 7);
  assert.is(deadlines.takeDue(7), thing);
});

test.run();
