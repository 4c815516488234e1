import type { RequestHead } from './request-head.ts';

/** No server may take the request. */
export const NO_SERVER = -1;

/** What all policies see of the servers, by server index; the dispatcher alone writes it. */
export interface Loads {
  /** connections assigned and not closed */
  active: Int32Array;
  /** > 0; less than in the configuration as long as a server that came up is starting */
  weight: Float64Array;
  /** of its whole weight, what a server has now: above 0, 1 for all that are not starting */
  share: Float64Array;
  /** a hash of each one's name: what stays when others come and go */
  identity: Uint32Array;
}

export interface PolicyContext {
  /** indexes of the pool's servers, in the configuration's order */
  members: readonly number[];
  loads: Loads;
  /** 0 <= x < 1 */
  random: () => number;
}

/** A dispatching policy of one pool: the five hooks of Andreolini et al. 2003, section 4. */
export interface Policy {
  /** Cluster start, and again when the pool's members or their weights have changed. */
  init(context: PolicyContext): void;
  /** Takes from a request what the choice needs: a number, so that nothing is allocated. */
  parse(request: RequestHead): number;
  /**
   * The index of the server for the request; `usable[server]` is 1 for those that may be chosen.
   * NO_SERVER when there is none. `target` is what parse() gave; `nowMs`: any monotonic clock.
   */
  select(target: number, usable: Uint8Array, nowMs: number): number;
  /**
   * The server for the next request of a connection that `from` has; another one only where that is worth
   * a move, which costs about as much as a new connection. Absent: a policy that knows targets chooses as
   * for a new connection, others leave it where it is.
   */
  follow?(target: number, from: number, usable: Uint8Array, nowMs: number): number;
  /** A connection that this policy had assigned to the server is over; absent: loads tell it enough. */
  postRequest?(server: number): void;
  /** Its pool is gone, or has another policy now. */
  shutdown(): void;
}

/** Connections of a server as of one of weight 1; Infinity for none. */
export function loadOf(context: PolicyContext, server: number): number {
  if (server === NO_SERVER) return Infinity;
  return context.loads.active[server]! / context.loads.weight[server]!;
}

/** The usable member with the least (active + 1) / weight; the first of equals. */
export function leastLoaded(context: PolicyContext, usable: Uint8Array): number {
  const { active, weight } = context.loads;
  let chosen = NO_SERVER;
  let least = Infinity;
  let its = 1;
  for (const server of context.members) {
    if (usable[server] !== 1) continue;
    // a / v < b / w without dividing, which took half of the time
    const load = active[server]! + 1;
    if (load * its < least * weight[server]!) {
      least = load;
      its = weight[server]!;
      chosen = server;
    }
  }
  return chosen;
}
