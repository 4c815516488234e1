// A worker's counters: u64, written by that worker alone. Every packet is counted once, so that
// received = forwarded + answered + to control + all drops.
import { WORKER_COUNTERS } from './layout';
import {
  COUNTER_ANSWERED,
  COUNTER_DROPS,
  COUNTER_FORWARDED,
  COUNTER_TO_CONTROL,
  VERDICT_ANSWER,
  VERDICT_FORWARD,
  VERDICT_TO_CONTROL,
} from './verdict';

export class Counters {
  @inline
  static add(worker: usize, counter: u32, amount: u64): void {
    const address = worker + WORKER_COUNTERS + counter * sizeof<u64>();
    store<u64>(address, load<u64>(address) + amount);
  }

  /** Counts one packet by its verdict (VERDICT_* | reason << 8). */
  static verdict(worker: usize, verdict: u32): void {
    const kind = verdict & 0xff;
    let counter: u32 = COUNTER_DROPS + (verdict >> 8);
    if (kind == VERDICT_FORWARD) counter = COUNTER_FORWARDED;
    if (kind == VERDICT_ANSWER) counter = COUNTER_ANSWERED;
    if (kind == VERDICT_TO_CONTROL) counter = COUNTER_TO_CONTROL;
    Counters.add(worker, counter, 1);
  }
}
