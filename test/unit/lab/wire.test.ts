import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../src/lab/random.ts';
import { Wire, type LinkConditions } from '../../../src/lab/wire.ts';

const wires = suite('wire');
const GOOD: LinkConditions = { lossPercent: 0, delayMs: 0, reorderPercent: 0 };

/** Sends frames 0..count-1, one per 0.1 ms, and returns what came out, with the time of each. */
function sendThrough(wire: Wire, count: number): { slot: number; atMs: number }[] {
  const out: { slot: number; atMs: number }[] = [];
  for (let step = 0; step < count + 2000; step += 1) {
    const atMs = step / 10;
    if (step < count) wire.take(step, atMs);
    for (let slot = wire.next(atMs); slot >= 0; slot = wire.next(atMs)) out.push({ slot, atMs });
  }
  return out;
}

wires('a good one passes every frame at once and in order', () => {
  const out = sendThrough(new Wire(GOOD, new Random(1), 10), 100);
  assert.equal(
    out,
    Array.from({ length: 100 }, (_, slot) => ({ slot, atMs: slot / 10 })),
  );
});

wires('the delay is the same for all frames', () => {
  const out = sendThrough(new Wire({ ...GOOD, delayMs: 50 }, new Random(1), 1000), 900);
  assert.is(out.length, 900);
  assert.ok(out.every(({ slot, atMs }, index) => slot === index && atMs - slot / 10 - 50 < 0.11));
});

wires('loses its share, the same frames for the same seed', () => {
  const lossy = (seed: number) =>
    sendThrough(new Wire({ ...GOOD, lossPercent: 5 }, new Random(seed), 10), 10_000);
  const out = lossy(7);
  assert.ok(out.length > 9400 && out.length < 9600, `${out.length} of 10,000 at 5 %`);
  assert.equal(lossy(7), out);
  assert.not.equal(lossy(8), out);
});

wires('frames that are overtaken come late, none is lost', () => {
  const wire = new Wire({ ...GOOD, reorderPercent: 10, delayMs: 2 }, new Random(3), 1000);
  const out = sendThrough(wire, 5000);
  assert.equal(
    out.map(({ slot }) => slot).toSorted((one, other) => one - other),
    Array.from({ length: 5000 }, (_, slot) => slot),
  );
  const late = out.filter(({ slot }, index) => out.slice(0, index).some((it) => it.slot > slot));
  assert.is(late.length, wire.figures.late);
  assert.ok(late.length > 400 && late.length < 600, `${late.length} of 5000 at 10 %`);
  assert.ok(late.every(({ slot, atMs }) => atMs - slot / 10 < 2 + 4.2));
});

wires('holds no more than its limit, and counts what it refused', () => {
  const wire = new Wire({ ...GOOD, delayMs: 1000 }, new Random(1), 10);
  const taken = Array.from({ length: 15 }, (_, slot) => wire.take(slot, 0));
  assert.is(taken.filter(Boolean).length, 10);
  assert.is(wire.figures.full, 5);
  assert.is(wire.dueMs(), 1000);
  assert.is(wire.next(999), -1);
  assert.is(wire.next(1000), 0);
});

wires.run();
