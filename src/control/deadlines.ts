/** Something that wants to be looked at when its time has come. */
export interface Waiting {
  /** ms at which it stands in the queue; Infinity = it does not; written by Deadlines alone */
  queuedMs: number;
  /** where it stands; written by Deadlines alone */
  place: number;
}

/**
 * A heap of things by time, each in it once. A thing whose deadline moved later is not moved: it comes
 * out at the old time, and whoever takes it asks it for its present deadline and puts it back.
 */
export class Deadlines<Thing extends Waiting> {
  private readonly heap: Thing[] = [];

  get size(): number {
    return this.heap.length;
  }

  /** Infinity when empty. */
  get nextMs(): number {
    return this.heap[0]?.queuedMs ?? Infinity;
  }

  add(thing: Thing, atMs: number): void {
    if (thing.queuedMs <= atMs) return;
    if (thing.queuedMs === Infinity) thing.place = this.heap.push(thing) - 1;
    thing.queuedMs = atMs;
    this.rise(thing, thing.place);
  }

  /** Nothing is kept of a thing that nobody will look at. */
  remove(thing: Thing): void {
    if (thing.queuedMs === Infinity) return;
    thing.queuedMs = Infinity;
    const { place } = thing;
    const last = this.heap.pop()!;
    if (last === thing) return;
    this.put(last, place);
    this.rise(last, place);
    this.sink(last, last.place);
  }

  /** One thing whose time has come, or undefined. */
  takeDue(nowMs: number): Thing | undefined {
    const first = this.heap[0];
    if (first === undefined || first.queuedMs > nowMs) return undefined;
    this.remove(first);
    return first;
  }

  private put(thing: Thing, place: number): void {
    this.heap[place] = thing;
    thing.place = place;
  }

  private rise(thing: Thing, from: number): void {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = this.heap[above]!;
      if (other.queuedMs <= thing.queuedMs) break;
      this.put(other, at);
      at = above;
    }
    this.put(thing, at);
  }

  private sink(thing: Thing, from: number): void {
    const { heap } = this;
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1]!.queuedMs < heap[below]!.queuedMs) below += 1;
      const other = heap[below]!;
      if (other.queuedMs >= thing.queuedMs) break;
      this.put(other, at);
      at = below;
    }
    this.put(thing, at);
  }
}
