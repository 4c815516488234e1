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
    const { active, weight } = context.loads;
    // as loadOf(), without a division for each request
    const high = this.high * weight[server]!;
    if (active[server]! <= high) return false;
    if (active[server]! >= 2 * high) return true;
    for (const other of context.members) {
      if (usable[other] === 1 && loadOf(context, other) < this.low) return true;
    }
    return false;
  }
}
