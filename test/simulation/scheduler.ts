/** An action in the future; `cancelled` ones are skipped when their time comes. */
export interface Timer {
  readonly atMs: number;
  readonly order: number;
  cancelled: boolean;
  readonly action: () => void;
}

/**
 * Virtual time: actions run in the order of their times, those of the same time in the order in
 * which they
 * were asked for. Nothing else moves the clock, so a run is a function of its seed.
 */
export class Scheduler {
  nowMs: number;
  executed = 0;
  private readonly heap: Timer[] = [];
  private asked = 0;

  constructor(startMs = 0) {
    this.nowMs = startMs;
  }

  at(atMs: number, action: () => void): Timer {
    this.asked += 1;
    const due = Math.max(atMs, this.nowMs);
    const timer: Timer = { atMs: due, order: this.asked, cancelled: false, action };
    this.push(timer);
    return timer;
  }

  after(delayMs: number, action: () => void): Timer {
    return this.at(this.nowMs + delayMs, action);
  }

  /** Runs what is due until that time, then the clock stands there. */
  runUntil(untilMs: number): void {
    for (let timer = this.heap[0]; timer && timer.atMs <= untilMs; timer = this.heap[0])
      this.step();
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** Runs until `done` holds (asked after every action) or the time is reached; true = it held. */
  runWhile(isDone: () => boolean, untilMs: number): boolean {
    while (!isDone()) {
      const timer = this.heap[0];
      if (!timer || timer.atMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return isDone();
      }
      this.step();
    }
    return true;
  }

  /** Time of the next action, Infinity without one. */
  nextMs(): number {
    while (this.heap[0]?.cancelled) this.pop();
    return this.heap[0]?.atMs ?? Infinity;
  }

  private step(): void {
    const timer = this.pop();
    if (timer.cancelled) return;
    this.nowMs = timer.atMs;
    this.executed += 1;
    timer.cancelled = true;
    timer.action();
  }

  private static isBefore(a: Timer, b: Timer): boolean {
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  private push(timer: Timer): void {
    const heap = this.heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent]!;
      if (!Scheduler.isBefore(timer, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = timer;
  }

  private pop(): Timer {
    const heap = this.heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && Scheduler.isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!Scheduler.isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
