import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Pace, rest } from '../../../src/workers/pace.ts';

const pace = suite('pace');
const LIMITS = { longestMs: 1, enough: 8 };

/** One event every `everyMs`, from `fromMs` on, for so long. */
function feed(judged: Pace, everyMs: number, fromMs: number, lengthMs: number): number {
  const count = Math.round(lengthMs / everyMs);
  for (let index = 1; index <= count; index += 1) judged.count(1, fromMs + index * everyMs);
  return fromMs + count * everyMs;
}

pace('slow events never wait for others', () => {
  const judged = new Pace(LIMITS);
  assert.is(judged.restMs(0), 0);
  assert.is(judged.restMs(feed(judged, 1, 0, 1000)), 0);
});

pace('fast events gather, no longer than is allowed', () => {
  const judged = new Pace(LIMITS);
  const endMs = feed(judged, 0.2, 0, 200);
  assert.is(judged.restMs(endMs), LIMITS.longestMs);
});

pace('very fast events gather until they are enough, in a rest that is worth its price', () => {
  const judged = new Pace(LIMITS);
  const fastMs = feed(judged, 0.02, 0, 200);
  assert.ok(Math.abs(judged.restMs(fastMs) - LIMITS.enough * 0.02) < 0.02);
  const fullMs = feed(judged, 0.002, fastMs, 200);
  assert.is(judged.restMs(fullMs), 0.1);
});

pace('a rate that does not change is found, in turns or one by one', () => {
  const judged = new Pace({ longestMs: 1, enough: 4 });
  for (let turn = 1; turn <= 1000; turn += 1) judged.count(10, turn);
  assert.ok(Math.abs(judged.restMs(1000) - 0.4) < 0.04);
});

pace('when events end, nobody waits for them any more', () => {
  const judged = new Pace(LIMITS);
  const endMs = feed(judged, 0.2, 0, 200);
  assert.ok(judged.restMs(endMs + 1) > 0);
  assert.is(judged.restMs(endMs + 50), 0);
});

pace('a rest lasts at least as long as it should', () => {
  const from = performance.now();
  rest(2);
  assert.ok(performance.now() - from >= 1.9);
});

pace.run();
