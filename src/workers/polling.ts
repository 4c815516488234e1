// Whether an empty device is asked again, or the worker sleeps until it has something. A sleep costs some
// 15 us, so asking again pays only when traffic comes back sooner; a worker that asks in vain takes the CPU
// from the very programs that would send the next packet. What paid in the last gaps decides, as for the
// branches of a processor (soft timers, Aron and Druschel 1999, gave the idea of polling at all).

/** ms: asking goes on for so long */
const POLL_LIMIT_MS = 0.025;
/** saturating score of the last gaps; from the half of it on, asking pays */
const SCORE_LIMIT = 8;
/** while it does not pay, one gap of so many is tried */
const TRIAL = 8;

/** Judges the gaps between packets that one worker sees. */
export class Polling {
  readonly #nowMs: () => number;
  #score = SCORE_LIMIT;
  #gaps = 0;
  /** time of the first pass without packets, -1 while there are some */
  #emptySinceMs = -1;
  #sleeps = false;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A pass had packets. */
  busy(): void {
    if (this.#emptySinceMs < 0) return;
    this.#emptySinceMs = -1;
    if (!this.#sleeps) this.#score = Math.min(SCORE_LIMIT, this.#score + 1);
  }

  /** A pass had none: true when it is time to sleep. */
  empty(): boolean {
    if (this.#emptySinceMs < 0) {
      this.#emptySinceMs = this.#nowMs();
      this.#gaps += 1;
      this.#sleeps = this.#score < SCORE_LIMIT / 2 && this.#gaps % TRIAL !== 0;
    } else if (!this.#sleeps && this.#nowMs() - this.#emptySinceMs >= POLL_LIMIT_MS) {
      this.#score = Math.max(0, this.#score - 1);
      this.#sleeps = true;
    }
    return this.#sleeps;
  }
}
