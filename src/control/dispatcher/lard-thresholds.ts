import { loadOf } from './policy.ts';
import type { PolicyContext } from './policy.ts';

/** When a target leaves its server (Pai et al. 1998): in connections of a server of weight 1. */
export class LardThresholds {
  private readonly low: number;
  private readonly high: number;

  constructor(low: number, high: number) {
    this.low = low;
    this.high = high;
  }

  /** Above the high threshold while another is below the low one, or above twice the high one. */
  mustMove(context: PolicyContext, server: number, usable: Uint8Array): boolean {
    const load = loadOf(context, server);
    if (load >= 2 * this.high) return true;
    if (load <= this.high) return false;
    for (const other of context.members) {
      if (usable[other] === 1 && loadOf(context, other) < this.low) return true;
    }
    return false;
  }
}
