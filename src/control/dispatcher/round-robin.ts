import { NO_SERVER } from './policy.ts';
import type { Policy, PolicyContext } from './policy.ts';

/**
 * Smooth weighted round robin: every choice gives each usable server its weight in credit, takes
 * the one with most credit and charges it the sum. Weights 5 1 1 give a a b a c a a, not
 * a a a a a b c.
 */
export class RoundRobin implements Policy {
  private context: PolicyContext | undefined;
  private credit = new Float64Array(0);

  init(context: PolicyContext): void {
    this.context = context;
    const credit = new Float64Array(context.loads.weight.length);
    credit.set(this.credit);
    this.credit = credit;
  }

  parse(): number {
    return 0;
  }

  select(_target: number, usable: Uint8Array): number {
    if (!this.context) return NO_SERVER;
    const { weight } = this.context.loads;
    let chosen = NO_SERVER;
    let sum = 0;
    for (const server of this.context.members) {
      if (usable[server] !== 1) continue;
      sum += weight[server]!;
      this.credit[server]! += weight[server]!;
      if (chosen === NO_SERVER || this.credit[server]! > this.credit[chosen]!) chosen = server;
    }
    if (chosen !== NO_SERVER) this.credit[chosen]! -= sum;
    return chosen;
  }

  shutdown(): void {
    this.context = undefined;
  }
}
