import type { PoolConfig, ServerConfig } from '../../config/config.ts';
import { Lard } from './lard.ts';
import { LeastConnections } from './least-connections.ts';
import { NO_SERVER } from './policy.ts';
import type { Loads, Policy } from './policy.ts';
import type { RequestHead } from './request-head.ts';
import { RoundRobin } from './round-robin.ts';

interface Pool {
  config: PoolConfig;
  members: number[];
  policy: Policy;
}

type Weighted = Pick<ServerConfig, 'name' | 'weight'>;

/** Pools, their policies, and how many connections each server holds. Servers are indexes. */
export class Dispatcher {
  readonly loads: Loads = { active: new Int32Array(0), weight: new Float64Array(0) };
  private readonly random: () => number;
  private pools = new Map<string, Pool>();

  constructor(
    servers: readonly ServerConfig[],
    pools: readonly PoolConfig[],
    random: () => number,
  ) {
    this.random = random;
    this.configure(servers, pools);
  }

  /**
   * Other weights, servers and pools. A server keeps its index; new ones stand behind the others. A
   * pool whose policy stays keeps what the policy has learned.
   */
  configure(servers: readonly Weighted[], pools: readonly PoolConfig[]): void {
    const active = new Int32Array(servers.length);
    active.set(this.loads.active);
    this.loads.active = active;
    this.loads.weight = Float64Array.from(servers, (server) => server.weight);
    const indexes = new Map(servers.map((server, index) => [server.name, index]));
    const before = this.pools;
    this.pools = new Map();
    for (const config of pools) {
      const known = before.get(config.name);
      const policy =
        known && isSamePolicy(known.config, config) ? known.policy : makePolicy(config);
      const members = config.servers.flatMap((name) => indexes.get(name) ?? []);
      policy.init({ members, loads: this.loads, random: this.random });
      this.pools.set(config.name, { config, members, policy });
    }
  }

  /** Indexes of the pool's servers; none for an unknown pool. */
  members(pool: string): readonly number[] {
    return this.pools.get(pool)?.members ?? [];
  }

  /** What the pool's policy keys on (a number), from a head that was just parsed. */
  parse(pool: string, request: RequestHead): number {
    return this.pools.get(pool)?.policy.parse(request) ?? 0;
  }

  /** Assigns a connection: the server's index, counted as active, or NO_SERVER. */
  assign(pool: string, target: number, usable: Uint8Array): number {
    const server = this.pools.get(pool)?.policy.select(target, usable) ?? NO_SERVER;
    if (server !== NO_SERVER) this.loads.active[server]! += 1;
    return server;
  }

  /** A connection came to us already on that server (resync). */
  adopt(server: number): void {
    this.loads.active[server]! += 1;
  }

  /** A connection of that server is over. */
  release(server: number): void {
    if (this.loads.active[server]! > 0) this.loads.active[server]! -= 1;
    for (const pool of this.pools.values()) {
      if (pool.members.includes(server)) pool.policy.postRequest(server);
    }
  }

  shutdown(): void {
    for (const pool of this.pools.values()) pool.policy.shutdown();
  }
}

function isSamePolicy(first: PoolConfig, second: PoolConfig): boolean {
  const { policy, tLow, tHigh } = first;
  return policy === second.policy && tLow === second.tLow && tHigh === second.tHigh;
}

function makePolicy(config: PoolConfig): Policy {
  if (config.policy === 'round-robin') return new RoundRobin();
  if (config.policy === 'least-connections') return new LeastConnections();
  return new Lard(config.tLow, config.tHigh);
}
