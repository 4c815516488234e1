import type { CostsConfig } from '../../config/config.ts';
import { Affinities } from './affinities.ts';
import { NO_SERVER, leastLoaded, loadOf } from './policy.ts';
import type { Policy, PolicyContext } from './policy.ts';
import type { RequestHead } from './request-head.ts';

const TARGETS = 65536;
const CACHED = 1; // the unit: delay of a cached request on an idle server

/** Apache 1.3.3 on FreeBSD 2.2.6 (Aron et al. 1999, section 4). */
const IDLE = 30;
const OVERLOAD = 130;
const MISS = 50;

/** LARD as a sum of costs (Aron et al. 1999, figure 4): the least one wins and keeps the target. */
export class LardCost implements Policy {
  private readonly idle: number;
  private readonly overload: number;
  private readonly miss: number;
  private readonly targets = new Affinities(TARGETS);
  private context: PolicyContext | undefined;

  constructor(costs: CostsConfig = {}) {
    this.idle = costs.idle ?? IDLE;
    this.overload = costs.overload ?? OVERLOAD;
    this.miss = costs.miss ?? MISS;
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
    let chosen = NO_SERVER;
    let least = Infinity;
    for (const server of this.context.members) {
      if (usable[server] !== 1) continue;
      const cost = this.cost(server, server === known);
      if (cost >= least) continue;
      least = cost;
      chosen = server;
    }
    // all are overloaded: a refusal would help nobody
    if (chosen === NO_SERVER) chosen = leastLoaded(this.context, usable);
    if (chosen !== NO_SERVER) this.targets.set(target, chosen);
    return chosen;
  }

  private cost(server: number, isKnown: boolean): number {
    const load = loadOf(this.context!, server);
    if (load > this.overload) return Infinity;
    const balancing = Math.max(0, load - this.idle);
    const locality = isKnown ? CACHED : this.miss;
    // what it caches for this target pushes something else out, once it is busy
    const replacement = load < this.idle || isKnown ? 0 : this.miss;
    return balancing + locality + replacement;
  }

  shutdown(): void {
    this.targets.clear();
    this.context = undefined;
  }
}
