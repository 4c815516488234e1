const WAYS = 8;
const NOWHERE = -1;
/** A set is one cache line: its targets, then the tick of the last question for each, 0 = empty place. */
const SET_WORDS = 2 * WAYS;
/** Below 2^30, so that engines keep it as a small integer. */
const LAST_TICK = 0x3fffffff;

/**
 * Places of targets, for what a policy remembers about each in columns of its own: a bounded
 * set-associative table of numbers. When the 8 places of a set are taken, the target asked for the
 * longest ago goes (its locality is forgotten).
 */
export class TargetTable {
  /** how many places there are: the length of a column */
  readonly places: number;
  private readonly mask: number;
  private readonly words: Int32Array; // signed: what engines keep unboxed
  private tick = 0;

  /** `capacity`: targets, rounded up to a power of two, at least 8 */
  constructor(capacity: number) {
    let places = WAYS;
    while (places < capacity) places *= 2;
    this.places = places;
    this.mask = places / WAYS - 1;
    this.words = new Int32Array(2 * places);
  }

  /** The target's place, or -1. */
  find(target: number): number {
    const { words } = this;
    const wanted = target | 0;
    const set = this.setOf(target);
    const first = set * SET_WORDS;
    for (let way = 0; way < WAYS; way += 1) {
      if (words[first + way] !== wanted || words[first + WAYS + way] === 0) continue;
      words[first + WAYS + way] = this.nextTick();
      return set * WAYS + way;
    }
    return NOWHERE;
  }

  /** A place for a target that has none; what columns hold there is another target's. */
  claim(target: number): number {
    const { words } = this;
    const set = this.setOf(target);
    const ticks = set * SET_WORDS + WAYS;
    let oldest = 0;
    for (let way = 1; way < WAYS; way += 1) {
      if (words[ticks + way]! < words[ticks + oldest]!) oldest = way;
    }
    words[ticks - WAYS + oldest] = target;
    words[ticks + oldest] = this.nextTick();
    return set * WAYS + oldest;
  }

  clear(): void {
    this.words.fill(0);
  }

  private setOf(target: number): number {
    // the hash is used by others too (steering, rules of the operator): mix before masking
    const mixed = Math.imul(target ^ (target >>> 15), 0x2c1b3c6d);
    return (mixed ^ (mixed >>> 12)) & this.mask;
  }

  private nextTick(): number {
    if (this.tick === LAST_TICK) this.ageAll();
    this.tick += 1;
    return this.tick;
  }

  /** All ages become equal, once in 2^30 questions. */
  private ageAll(): void {
    const { words } = this;
    for (let word = 0; word < words.length; word += 1) {
      if ((word & WAYS) !== 0) words[word] = Math.min(words[word]!, 1);
    }
    this.tick = 1;
  }
}
