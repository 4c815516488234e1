import type { Scheduler, Timer } from '../scheduler.ts';

/**
 * A deadline that moves often. It keeps at most one action in the scheduler: one that comes early
 * is put
 * back to the true deadline.
 */
export class Deadline {
  atMs = Infinity;
  private pending: Timer | undefined;
  private readonly clock: Scheduler;
  private readonly action: () => void;

  constructor(clock: Scheduler, action: () => void) {
    this.clock = clock;
    this.action = action;
  }

  get isSet(): boolean {
    return this.atMs !== Infinity;
  }

  setAfter(delayMs: number): void {
    this.atMs = this.clock.nowMs + delayMs;
    if (this.pending && this.pending.atMs <= this.atMs) return;
    if (this.pending) this.pending.cancelled = true;
    this.pending = this.clock.at(this.atMs, () => this.fire());
  }

  clear(): void {
    this.atMs = Infinity;
  }

  /** No action stays behind in the scheduler. */
  dispose(): void {
    this.atMs = Infinity;
    if (this.pending) this.pending.cancelled = true;
    this.pending = undefined;
  }

  private fire(): void {
    this.pending = undefined;
    if (this.atMs === Infinity) return;
    if (this.atMs > this.clock.nowMs) {
      this.pending = this.clock.at(this.atMs, () => this.fire());
      return;
    }
    this.atMs = Infinity;
    this.action();
  }
}
