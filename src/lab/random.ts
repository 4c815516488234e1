/**
 * Seeded random numbers for the lab and for tests: sfc32 (PractRand's small fast chaotic generator),
 * filled from the seed by splitmix32. The same seed gives the same numbers on every machine. Not for secrets.
 */
export class Random {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 1;

  constructor(seed: number) {
    let state = seed >>> 0;
    const fill = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    this.a = fill();
    this.b = fill();
    this.c = fill();
    for (let i = 0; i < 12; i++) this.next();
  }

  /** 0 .. 2^32 - 1 */
  next(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + sum) | 0;
    return sum >>> 0;
  }

  /** 0 <= x < 1 */
  fraction(): number {
    return this.next() / 0x100000000;
  }

  /** integer, 0 .. limit - 1 */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** integer, both ends included */
  between(lowest: number, highest: number): number {
    return lowest + this.below(highest - lowest + 1);
  }

  chance(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const chosen = list[this.below(list.length)];
    if (chosen === undefined) throw new Error('pick from an empty list');
    return chosen;
  }

  bytes(length: number): Uint8Array {
    const filled = new Uint8Array(length);
    for (let i = 0; i < length; i++) filled[i] = this.next();
    return filled;
  }

  /** A generator of its own, so that one more draw here does not change the numbers there. */
  fork(): Random {
    return new Random(this.next());
  }
}
