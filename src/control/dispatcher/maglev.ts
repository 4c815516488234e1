import { NO_SERVER } from './policy.ts';
import type { Policy, PolicyContext } from './policy.ts';
import type { RequestHead } from './request-head.ts';

export const MAGLEV_PLACES = 65537; // a prime, over 100 times the servers (Eisenbud et al. 2016, section 5.3)
const STEPS = 64;

/** Mixes a 32-bit number (the finaliser of MurmurHash3). */
export function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * The lookup table of Maglev (Eisenbud et al. 2016, section 3.4): servers take places in turn, each along
 * a permutation of its own, as often as its weight says. Returns the member's position by place.
 */
export function maglevTable(
  weights: readonly number[],
  identities: readonly number[],
  places = MAGLEV_PLACES,
): Uint16Array {
  const table = new Uint16Array(places);
  const taken = new Uint8Array(places);
  const heaviest = Math.max(...weights);
  const credit = weights.map(() => 0);
  const at = identities.map((identity) => mix(identity) % places);
  const skip = identities.map((identity) => (mix(identity + 1) % (places - 1)) + 1);
  let filled = 0;
  while (filled < places) {
    for (let server = 0; server < weights.length && filled < places; server += 1) {
      credit[server]! += weights[server]! / heaviest;
      if (credit[server]! < 1) continue;
      credit[server]! -= 1;
      while (taken[at[server]!] === 1) at[server] = (at[server]! + skip[server]!) % places;
      taken[at[server]!] = 1;
      table[at[server]!] = server;
      filled += 1;
    }
  }
  return table;
}

/** Consistent hashing: a target has its server, and few others move when a server goes. */
export class Maglev implements Policy {
  private table: Uint16Array = new Uint16Array(0);
  protected context: PolicyContext | undefined;

  init(context: PolicyContext): void {
    this.context = context;
    const { members, loads } = context;
    this.table = maglevTable(
      members.map((server) => loads.weight[server]!),
      members.map((server) => loads.identity[server]!),
    );
  }

  parse(request: RequestHead): number {
    return request.targetHash;
  }

  select(target: number, usable: Uint8Array): number {
    return this.walk(target, (server) => usable[server] === 1);
  }

  /**
   * Of a server that is starting only a part of its targets, which grows: once there, a target stays.
   * The table is that of the whole weights, so that nothing else moves.
   */
  private takes(server: number, target: number): boolean {
    const { share, identity } = this.context!.loads;
    return share[server] === 1 || mix(target ^ identity[server]!) < share[server]! * 2 ** 32;
  }

  /** The target's first server that is accepted, the same order for it each time. */
  protected walk(target: number, accepts: (server: number) => boolean): number {
    const members = this.context?.members ?? [];
    if (members.length === 0) return NO_SERVER;
    let hash = mix(target);
    for (let step = 0; step < STEPS; step += 1) {
      const server = members[this.table[hash % MAGLEV_PLACES]!]!;
      if (accepts(server) && this.takes(server, target)) return server;
      hash = mix(hash + step + 1);
    }
    const first = hash % members.length;
    for (let step = 0; step < members.length; step += 1) {
      const server = members[(first + step) % members.length]!;
      if (accepts(server)) return server;
    }
    return NO_SERVER;
  }

  shutdown(): void {
    this.context = undefined;
  }
}
