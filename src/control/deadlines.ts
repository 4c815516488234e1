/** Something that wants to be looked at when its time has come. */
export interface Waiting {
  /** ms at which it stands in the queue; Infinity = it does not; written by Deadlines alone */
  queuedMs: number;
}

/**
 * A heap of things by time. A thing whose deadline moved later is not moved: it comes out at the
 * old time, and whoever takes it asks it for its present deadline and puts it back.
 */
export class Deadlines<Thing extends Waiting> {
  private readonly heap: { atMs: number; thing: Thing }[] = [];

  /** Infinity when empty. */
  get nextMs(): number {
    return this.heap[0]?.atMs ?? Infinity;
  }

  add(thing: Thing, atMs: number): void {
    if (atMs === Infinity || thing.queuedMs <= atMs) return;
    thing.queuedMs = atMs;
    const { heap } = this;
    heap.push({ atMs, thing });
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atMs <= heap[at]!.atMs) break;
      [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
      at = parent;
    }
  }

  /** One thing whose time has come, or undefined. */
  takeDue(nowMs: number): Thing | undefined {
    for (;;) {
      const top = this.heap[0];
      if (top === undefined || top.atMs > nowMs) return undefined;
      this.removeTop();
      // an older place of a thing that was queued again for an earlier time
      if (top.thing.queuedMs !== top.atMs) continue;
      top.thing.queuedMs = Infinity;
      return top.thing;
    }
  }

  private removeTop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    let at = 0;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && heap[child]!.atMs < heap[least]!.atMs) least = child;
      }
      if (least === at) return;
      [heap[least], heap[at]] = [heap[at]!, heap[least]!];
      at = least;
    }
  }
}
