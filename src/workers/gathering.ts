// Under load a worker that takes each packet as it comes spends most of its time being woken: network cards
// let packets gather for some microseconds before they interrupt (Mogul and Ramakrishnan 1997 say why). So
// does a worker whose device was empty again and again although packets came fast.

/** packets/ms from which on a pause gathers several */
const FAST = 40;
/** far from it: the load is over */
const SLOW = 5;
/** so many times fast, and not slow again, before the first pause: what comes alone is never delayed */
const SCORE_LIMIT = 8;

/** Says when one worker should let packets gather. */
export class Gathering {
  readonly #nowMs: () => number;
  #sinceMs = 0;
  #packets = 0;
  #score = 0;
  #isOn = false;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  handled(packets: number): void {
    this.#packets += packets;
  }

  /** The device is empty: true when a pause is better than asking again or sleeping. */
  pauses(): boolean {
    if (this.#packets === 0) return false;
    const nowMs = this.#nowMs();
    const rate = this.#packets / Math.max(nowMs - this.#sinceMs, 1e-6);
    this.#sinceMs = nowMs;
    this.#packets = 0;
    if (rate >= FAST) this.#score = Math.min(SCORE_LIMIT, this.#score + 1);
    else this.#score = rate < SLOW ? 0 : Math.max(0, this.#score - 1);
    if (this.#score === SCORE_LIMIT) this.#isOn = true;
    else if (this.#score === 0) this.#isOn = false;
    return this.#isOn;
  }
}
