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

  /** What begin() was told of the server, with the time since then; 0/0: it has its whole weight. */
  progress(server: number, nowMs: number): { sinceMs: number; slowStartMs: number } {
    const start = this.starts.get(server);
    const sinceMs = start ? Math.floor(nowMs - start.sinceMs) : 0;
    if (!start || sinceMs >= start.forMs) return { sinceMs: 0, slowStartMs: 0 };
    return { sinceMs, slowStartMs: start.forMs };
  }

  /** Writes what those that are starting have of their full weights by now. */
  apply(
    { weight, share }: Pick<Loads, 'weight' | 'share'>,
    full: Float64Array,
    nowMs: number,
  ): void {
    if (this.starts.size === 0) return; // as nearly always, and it is asked for every request
    for (const [server, { sinceMs, forMs }] of this.starts) {
      const part = (nowMs - sinceMs) / forMs;
      if (part >= 1) this.starts.delete(server);
      share[server] = Math.min(1, Math.max(LEAST_SHARE, part));
      weight[server] = full[server]! * share[server]!;
    }
  }
}
