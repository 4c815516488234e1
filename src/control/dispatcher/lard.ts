import { Affinities } from './affinities.ts';
import { LardThresholds } from './lard-thresholds.ts';
import { NO_SERVER, leastLoaded } from './policy.ts';
import type { Policy, PolicyContext } from './policy.ts';
import type { RequestHead } from './request-head.ts';

const TARGETS = 65536;

/**
 * Locality-aware request distribution, the basic form (Pai et al. 1998): a target stays on the
 * server that has served it, unless that one is loaded above tHigh while another idles below tLow,
 * or above twice tHigh. Thresholds count connections of a server of weight 1.
 */
export class Lard implements Policy {
  private readonly thresholds: LardThresholds;
  private readonly targets = new Affinities(TARGETS);
  private context: PolicyContext | undefined;

  constructor(tLow: number, tHigh: number) {
    this.thresholds = new LardThresholds(tLow, tHigh);
  }

  init(context: PolicyContext): void {
    this.context = context;
  }

  parse(request: RequestHead): number {
    return request.targetHash;
  }

  select(target: number, usable: Uint8Array): number {
    if (!this.context) return NO_SERVER;
    const known = this.targets.get(target);
    const isUsable = known !== NO_SERVER && usable[known] === 1;
    if (isUsable && !this.thresholds.mustMove(this.context, known, usable)) return known;
    const chosen = leastLoaded(this.context, usable);
    if (chosen !== NO_SERVER) this.targets.set(target, chosen);
    return chosen;
  }

  /** A server that has the target saves a read from disk; where none has, the connection stays. */
  follow(target: number, from: number, usable: Uint8Array): number {
    if (!this.context) return from;
    const known = this.targets.get(target);
    if (known !== undefined && known !== from && usable[known] === 1) {
      return this.thresholds.mustMove(this.context, known, usable) ? from : known;
    }
    if (!this.thresholds.mustMove(this.context, from, usable)) {
      this.targets.set(target, from);
      return from;
    }
    return this.select(target, usable);
  }

  postRequest(): void {}

  shutdown(): void {
    this.targets.clear();
    this.context = undefined;
  }
}
