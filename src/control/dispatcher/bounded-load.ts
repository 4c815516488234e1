import { Maglev } from './maglev.ts';
import { NO_SERVER, leastLoaded } from './policy.ts';

const BOUND = 1.25;

/**
 * Consistent hashing with bounded loads (Mirrokni et al. 2018): a server takes at most `bound` times its
 * share of all connections; what exceeds it goes to the target's next server.
 */
export class BoundedLoad extends Maglev {
  private readonly bound: number;

  constructor(bound = BOUND) {
    super();
    this.bound = bound;
  }

  override select(target: number, usable: Uint8Array): number {
    if (!this.context) return NO_SERVER;
    const { members, loads } = this.context;
    let connections = 1;
    let weights = 0;
    for (const server of members) {
      if (usable[server] !== 1) continue;
      connections += loads.active[server]!;
      weights += loads.weight[server]!;
    }
    const most = (this.bound * connections) / weights;
    const chosen = this.walk(
      target,
      (server) =>
        usable[server] === 1 && loads.active[server]! < Math.ceil(most * loads.weight[server]!),
    );
    return chosen === NO_SERVER ? leastLoaded(this.context, usable) : chosen;
  }
}
