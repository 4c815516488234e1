import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Polling } from '../../../src/workers/polling.ts';

const POLL_MS = 0.001;

/** A worker that looks every microsecond at a device whose packets come after these gaps. */
class Worker {
  nowMs = 0;
  readonly polling = new Polling(() => this.nowMs);

  /** Polls of one gap, and whether the worker slept in it. */
  gap(lengthMs: number): { polls: number; slept: boolean } {
    const endMs = this.nowMs + lengthMs;
    let polls = 0;
    let slept = false;
    while (this.nowMs < endMs) {
      polls += 1;
      this.nowMs += POLL_MS;
      if (!this.polling.empty()) continue;
      slept = true;
      this.nowMs = endMs;
    }
    this.polling.busy();
    return { polls, slept };
  }

  gaps(count: number, lengthMs: number): { polls: number; sleeps: number } {
    const all = Array.from({ length: count }, () => this.gap(lengthMs));
    return {
      polls: all.reduce((sum, { polls }) => sum + polls, 0),
      sleeps: all.filter(({ slept }) => slept).length,
    };
  }
}

const polling = suite('polling');

polling('short gaps are polled through', () => {
  assert.is(new Worker().gaps(1000, 0.01).sleeps, 0);
});

polling('a new worker polls for a while, then sleeps', () => {
  const { polls, slept } = new Worker().gap(1);
  assert.ok(slept);
  assert.ok(polls > 20 && polls < 40, `${polls} polls`);
});

polling('long gaps are soon slept through with one poll each, but for trials', () => {
  const worker = new Worker();
  worker.gaps(20, 0.1);
  const { polls, sleeps } = worker.gaps(800, 0.1);
  assert.is(sleeps, 800);
  assert.ok(polls < 800 * 5, `${polls} polls in 800 gaps`);
});

polling('a few long gaps between short ones change nothing', () => {
  const worker = new Worker();
  for (let round = 0; round < 100; round += 1) {
    assert.is(worker.gaps(9, 0.01).sleeps, 0);
    assert.ok(worker.gap(1).slept);
  }
});

polling('polling comes back when the gaps become short again', () => {
  const worker = new Worker();
  worker.gaps(1000, 0.1);
  worker.gaps(100, 0.01);
  assert.is(worker.gaps(100, 0.01).sleeps, 0);
});

polling('a worker that slept and found nothing sleeps again at once', () => {
  const { polling: judge } = new Worker();
  let clockMs = 0;
  const other = new Polling(() => clockMs);
  assert.not(judge.empty());
  while (!other.empty()) clockMs += POLL_MS;
  for (let wakeUp = 0; wakeUp < 10; wakeUp += 1) {
    clockMs += 250;
    assert.ok(other.empty());
  }
});

polling.run();
