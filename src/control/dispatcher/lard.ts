import { LardThresholds } from './lard-thresholds.ts';
import { NO_SERVER, leastLoaded } from './policy.ts';
import type { Policy, PolicyContext } from './policy.ts';
import type { RequestHead } from './request-head.ts';
import { TargetTable } from './target-table.ts';

const TARGETS = 131_072;

/**
 * Locality-aware request distribution, the basic form (Pai et al. 1998): a target stays on the
 * server that has served it, unless that one is loaded above tHigh while another idles below tLow,
 * or above twice tHigh. Thresholds count connections of a server of weight 1.
 */
export class Lard implements Policy {
  private readonly thresholds: LardThresholds;
  private readonly targets = new TargetTable(TARGETS);
  /** by place: the target's server */
  private readonly servers = new Uint16Array(this.targets.places);
  private context: PolicyContext | undefined;

  constructor(tLow: number, tHigh: number) {
    this.thresholds = new LardThresholds(tLow, tHigh);
  }

  init(context: PolicyContext): void {
    this.context = context;
  }

  parse(request: RequestHead): number {
    return request.targetHash | 0; // signed: engines do not box it
  }

  select(target: number, usable: Uint8Array): number {
    if (!this.context) return NO_SERVER;
    const place = this.targets.find(target);
    const known = place < 0 ? NO_SERVER : this.servers[place]!;
    if (this.keeps(known, usable)) return known;
    const chosen = leastLoaded(this.context, usable);
    if (chosen !== NO_SERVER) this.note(place < 0 ? this.targets.claim(target) : place, chosen);
    return chosen;
  }

  /** A server that has the target saves a read from disk; where none has, the connection stays. */
  follow(target: number, from: number, usable: Uint8Array): number {
    if (!this.context) return from;
    const place = this.targets.find(target);
    const known = place < 0 ? NO_SERVER : this.servers[place]!;
    if (known !== from && known !== NO_SERVER && usable[known] === 1) {
      return this.keeps(known, usable) ? known : from;
    }
    if (this.thresholds.mustMove(this.context, from, usable)) return this.select(target, usable);
    this.note(place < 0 ? this.targets.claim(target) : place, from);
    return from;
  }

  private keeps(server: number, usable: Uint8Array): boolean {
    if (server === NO_SERVER || usable[server] !== 1) return false;
    return !this.thresholds.mustMove(this.context!, server, usable);
  }

  private note(place: number, server: number): void {
    this.servers[place] = server;
  }

  shutdown(): void {
    this.targets.clear();
    this.context = undefined;
  }
}
