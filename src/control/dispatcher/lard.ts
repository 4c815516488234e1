import { LardThresholds, T_HIGH, T_LOW } from './lard-thresholds.ts';
import { NO_SERVER, leastLoaded } from './policy.ts';
import type { Policy, PolicyContext } from './policy.ts';
import type { RequestHead } from './request-head.ts';
import { TargetTable } from './target-table.ts';

const TARGETS = 65536;

/**
 * Locality-aware request distribution, the basic form (Pai et al. 1998): a target stays on the
 * server that has served it, unless that one is loaded above tHigh while another idles below tLow,
 * or above twice tHigh. Thresholds count connections of a server of weight 1.
 */
export class Lard implements Policy {
  private readonly thresholds: LardThresholds;
  private readonly targets = new TargetTable(TARGETS);
  private readonly servers = new Uint16Array(this.targets.places);
  private context: PolicyContext | undefined;

  constructor(tLow = T_LOW, tHigh = T_HIGH) {
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
    const place = this.targets.find(target);
    if (place >= 0) {
      const known = this.servers[place]!;
      const stays = usable[known] === 1 && !this.thresholds.mustMove(this.context, known, usable);
      if (stays) return known;
    }
    const chosen = leastLoaded(this.context, usable);
    if (chosen !== NO_SERVER) {
      this.servers[place >= 0 ? place : this.targets.claim(target)] = chosen;
    }
    return chosen;
  }

  postRequest(): void {}

  shutdown(): void {
    this.targets.clear();
    this.context = undefined;
  }
}
