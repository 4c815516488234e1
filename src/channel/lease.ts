// What the peer has acknowledged of the frames sent, and when those were sent (DESIGN: lease).

/** Frame numbers run from 1 to 2^32 - 1 and then from 1 again: 0 means none. */
export function nextNumber(number: number): number {
  return number === 0xffffffff ? 1 : number + 1;
}

interface Batch {
  first: number;
  last: number;
  sentMs: number;
}

export class SentFrames {
  #batches: Batch[] = [];
  #newest = 0;
  #acknowledgedSentMs: number | undefined;

  /** Number of the newest frame sent, 0 = none. */
  get newest(): number {
    return this.#newest;
  }

  /**
   * Sending time of the newest frame that the peer has acknowledged; undefined before the first.
   */
  get acknowledgedSentMs(): number | undefined {
    return this.#acknowledgedSentMs;
  }

  /** The number for a frame that is sent now. Frames of one millisecond share a record. */
  add(nowMs: number): number {
    this.#newest = nextNumber(this.#newest);
    const batch = this.#batches.at(-1);
    if (batch?.sentMs === nowMs) batch.last = this.#newest;
    else this.#batches.push({ first: this.#newest, last: this.#newest, sentMs: nowMs });
    return this.#newest;
  }

  /** Takes the peer's newest received number; false when no such frame was sent. */
  acknowledge(number: number): boolean {
    if (number === 0) return this.#acknowledgedSentMs === undefined;
    if (this.#newest === 0 || ((number - this.#newest) | 0) > 0) return false;
    while (this.#batches.length > 0) {
      const batch = this.#batches[0] as Batch;
      if (((number - batch.first) | 0) < 0) break;
      this.#acknowledgedSentMs = batch.sentMs;
      if (((number - batch.last) | 0) < 0) break;
      this.#batches.shift();
    }
    return true;
  }
}
