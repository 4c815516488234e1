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
  private readonly tLow: number;
  private readonly tHigh: number;
  private readonly targets = new TargetTable(TARGETS);
  private context: PolicyContext | undefined;

  constructor(tLow = 25, tHigh = 65) {
    this.tLow = tLow;
    this.tHigh = tHigh;
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
    if (known >= 0 && usable[known] === 1 && !this.mustMove(known, usable)) return known;
    const chosen = leastLoaded(this.context, usable);
    if (chosen !== NO_SERVER) this.targets.set(target, chosen);
    return chosen;
  }

  private mustMove(server: number, usable: Uint8Array): boolean {
    const load = this.load(server);
    if (load >= 2 * this.tHigh) return true;
    if (load <= this.tHigh) return false;
    for (const other of this.context!.members) {
      if (usable[other] === 1 && this.load(other) < this.tLow) return true;
    }
    return false;
  }

  private load(server: number): number {
    const { active, weight } = this.context!.loads;
    return active[server]! / weight[server]!;
  }

  postRequest(): void {}

  shutdown(): void {
    this.targets.clear();
    this.context = undefined;
  }
}
