const WAYS = 8;

/**
 * Which server has served a target: a bounded set-associative table of numbers. When the 8 places
 * of a set are taken, the target asked for the longest ago goes (its locality is forgotten).
 */
export class TargetTable {
  private readonly sets: number;
  private readonly targets: Uint32Array;
  private readonly servers: Uint16Array; // server + 1, 0 = empty place
  private readonly used: Uint32Array;
  private tick = 0;

  /** `capacity`: targets, rounded up to a power of two, at least 8 */
  constructor(capacity: number) {
    let places = WAYS;
    while (places < capacity) places *= 2;
    this.sets = places / WAYS;
    this.targets = new Uint32Array(places);
    this.servers = new Uint16Array(places);
    this.used = new Uint32Array(places);
  }

  /** The target's server, or -1. */
  get(target: number): number {
    const place = this.find(target);
    if (place < 0) return -1;
    this.used[place] = this.nextTick();
    return this.servers[place]! - 1;
  }

  set(target: number, server: number): void {
    let place = this.find(target);
    if (place < 0) place = this.oldest(target);
    this.targets[place] = target;
    this.servers[place] = server + 1;
    this.used[place] = this.nextTick();
  }

  clear(): void {
    this.servers.fill(0);
    this.used.fill(0);
  }

  private first(target: number): number {
    // the hash is used by others too (steering, rules of the operator): mix before masking
    const mixed = Math.imul(target ^ (target >>> 15), 0x2c1b3c6d);
    return ((mixed ^ (mixed >>> 12)) & (this.sets - 1)) * WAYS;
  }

  private find(target: number): number {
    const first = this.first(target);
    for (let place = first; place < first + WAYS; place += 1) {
      if (this.servers[place] !== 0 && this.targets[place] === target >>> 0) return place;
    }
    return -1;
  }

  private oldest(target: number): number {
    const first = this.first(target);
    let oldest = first;
    for (let place = first; place < first + WAYS; place += 1) {
      if (this.servers[place] === 0) return place;
      if (this.used[place]! < this.used[oldest]!) oldest = place;
    }
    return oldest;
  }

  private nextTick(): number {
    this.tick += 1;
    if (this.tick > 0xffffffff) {
      // all ages become equal once in 2^32 requests
      this.used.fill(0);
      this.tick = 1;
    }
    return this.tick;
  }
}
