// When events come fast, each of them alone costs a wake-up, a read and a write of its own. Then whoever
// takes them rests a moment between two turns, so that some gather and share these: what network cards do
// with their interrupts (Mogul and Ramakrishnan 1997 say why). When they come slowly nobody waits.

/** ms: over so long the rate of events is an average */
const MEMORY_MS = 20;
/** a rest is worth it if so many gather */
const WORTH = 2.5;
/** ms: a shorter rest costs more than it saves */
const SHORTEST_MS = 0.1;

export interface PaceLimits {
  /** ms that an event may wait for others */
  longestMs: number;
  /** events that are enough */
  enough: number;
}

/** Judges how fast events come to one thread. */
export class Pace {
  readonly #longestMs: number;
  readonly #enough: number;
  /** events per ms */
  #rate = 0;
  #countedMs = 0;

  constructor({ longestMs, enough }: PaceLimits) {
    this.#longestMs = longestMs;
    this.#enough = enough;
  }

  /** Events that were there at once, at that moment. */
  count(events: number, nowMs: number): void {
    const sinceMs = Math.max(0, nowMs - this.#countedMs);
    this.#rate = (this.#rate * MEMORY_MS + events) / (MEMORY_MS + sinceMs);
    this.#countedMs = nowMs;
  }

  /** How long to rest from then on (ms), 0 = not at all. */
  restMs(nowMs: number): number {
    // silence since then counts as well: the rate may be that of a load that has ended
    const rate = (this.#rate * MEMORY_MS) / (MEMORY_MS + Math.max(0, nowMs - this.#countedMs));
    if (rate * this.#longestMs < WORTH) return 0;
    return Math.max(SHORTEST_MS, Math.min(this.#longestMs, this.#enough / rate));
  }
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Stops this thread for so long; nothing can wake it. */
export function rest(ms: number): void {
  Atomics.wait(nobody, 0, 0, ms);
}
