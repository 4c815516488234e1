import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Gathering } from '../../../src/workers/gathering.ts';

/** A worker that finds so many packets each time, so long after the time before. */
class Worker {
  #nowMs = 1000;
  readonly gathering = new Gathering(() => this.#nowMs);

  /** How many of these times it pauses. */
  times(count: number, packets: number, everyMs: number): number {
    let pauses = 0;
    for (let time = 0; time < count; time += 1) {
      this.#nowMs += everyMs;
      this.gathering.handled(packets);
      if (this.gathering.pauses()) pauses += 1;
    }
    return pauses;
  }
}

const test = suite('gathering');

test('what comes alone, or in a short burst, is never delayed', () => {
  const worker = new Worker();
  assert.is(worker.times(1000, 1, 0.05), 0);
  for (let burst = 0; burst < 100; burst += 1) {
    assert.is(worker.times(7, 4, 0.02), 0);
    assert.is(worker.times(1, 1, 5), 0);
  }
});

test('under load packets gather, and a slower moment changes nothing', () => {
  const worker = new Worker();
  assert.is(worker.times(100, 4, 0.02), 92);
  assert.is(worker.times(3, 1, 0.1), 3);
  assert.is(worker.times(100, 4, 0.02), 100);
});

test('the first packet after the load is not delayed', () => {
  const worker = new Worker();
  worker.times(100, 4, 0.02);
  assert.is(worker.times(1, 1, 1), 0);
});

test('an empty device is no reason to pause', () => {
  const worker = new Worker();
  worker.times(100, 4, 0.02);
  assert.not(worker.gathering.pauses());
});

test.run();
