const WAYS = 8;
const NOWHERE = -1;

/**
 * Places of targets, for what a policy remembers about each in columns of its own: a bounded
 * set-associative table of numbers. When the 8 places of a set are taken, the target asked for the
 * longest ago goes (its locality is forgotten).
 */
export class TargetTable {
  /** how many places there are: the length of a column */
  readonly places: number;
  private readonly sets: number;
  private readonly targets: Uint32Array;
  private readonly used: Uint32Array; // tick of the last question, 0 = empty place
  private tick = 0;

  /** `capacity`: targets, rounded up to a power of two, at least 8 */
  constructor(capacity: number) {
    let places = WAYS;
    while (places < capacity) places *= 2;
    this.places = places;
    this.sets = places / WAYS;
    this.targets = new Uint32Array(places);
    this.used = new Uint32Array(places);
  }

  /** The target's place, or -1. */
  find(target: number): number {
    const first = this.first(target);
    for (let place = first; place < first + WAYS; place += 1) {
      if (this.used[place] === 0 || this.targets[place] !== target >>> 0) continue;
      this.used[place] = this.nextTick();
      return place;
    }
    return NOWHERE;
  }

  /** A place for a target that has none; what columns hold there is another target's. */
  claim(target: number): number {
    const first = this.first(target);
    let place = first;
    for (let other = first; other < first + WAYS; other += 1) {
      if (this.used[other]! < this.used[place]!) place = other;
    }
    this.targets[place] = target;
    this.used[place] = this.nextTick();
    return place;
  }

  clear(): void {
    this.used.fill(0);
  }

  private first(target: number): number {
    // the hash is used by others too (steering, rules of the operator): mix before masking
    const mixed = Math.imul(target ^ (target >>> 15), 0x2c1b3c6d);
    return ((mixed ^ (mixed >>> 12)) & (this.sets - 1)) * WAYS;
  }

  private nextTick(): number {
    this.tick += 1;
    if (this.tick > 0xffffffff) {
      // all ages become equal once in 2^32 requests
      for (const [place, used] of this.used.entries()) this.used[place] = Math.min(used, 1);
      this.tick = 2;
    }
    return this.tick;
  }
}
