import { INITIAL_RTO_MS, MAX_RTO_MS } from './options.ts';

/** Round-trip estimate and retransmission timeout (RFC 6298), with Linux's lower bound. */
export class RoundTrip {
  smoothedMs = 0;
  minMs = Infinity;
  private varianceMs = 0;
  private readonly lowestMs: number;
  backoffs = 0;

  constructor(lowestMs: number) {
    this.lowestMs = lowestMs;
  }

  sample(measuredMs: number): void {
    const rtt = Math.max(measuredMs, 0.001);
    this.minMs = Math.min(this.minMs, rtt);
    if (this.smoothedMs === 0) {
      this.smoothedMs = rtt; // RFC 6298 (2.2)
      this.varianceMs = rtt / 2;
    } else {
      this.varianceMs = 0.75 * this.varianceMs + 0.25 * Math.abs(this.smoothedMs - rtt); // (2.3)
      this.smoothedMs = 0.875 * this.smoothedMs + 0.125 * rtt;
    }
  }

  get timeoutMs(): number {
    const base =
      this.smoothedMs === 0
        ? INITIAL_RTO_MS
        : this.smoothedMs + Math.max(this.lowestMs, 4 * this.varianceMs);
    return Math.min(base * 2 ** this.backoffs, MAX_RTO_MS);
  }
}
