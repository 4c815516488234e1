import type { Loads } from './policy.ts';

/** Of its weight, what a server has at once: 0 would keep it from ever getting a connection. */
const LEAST_SHARE = 0.01;

interface Start {
  sinceMs: number;
  forMs: number;
}

/** Servers that came up get their weight little by little, so that cold caches do not stall. */
export class SlowStart {
  private readonly starts = new Map<number, Start>();

  /** From now on the server's weight grows, to be whole after `forMs`. */
  begin(server: number, forMs: number, nowMs: number): void {
    if (forMs > 0) this.starts.set(server, { sinceMs: nowMs, forMs });
    else this.starts.delete(server);
  }

  /** Writes what those that are starting have of their full weights by now. */
  apply(
    { weight, share }: Pick<Loads, 'weight' | 'share'>,
    full: Float64Array,
    nowMs: number,
  ): void {
    for (const [server, { sinceMs, forMs }] of this.starts) {
      const part = (nowMs - sinceMs) / forMs;
      if (part >= 1) this.starts.delete(server);
      share[server] = Math.min(1, Math.max(LEAST_SHARE, part));
      weight[server] = full[server]! * share[server]!;
    }
  }
}
