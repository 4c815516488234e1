import type { PoolConfig, ServerConfig } from '../../config/config.ts';
import { Lard } from './lard.ts';
import { LeastConnections } from './least-connections.ts';
import { NO_SERVER } from './policy.ts';
import type { Loads, Policy } from './policy.ts';
import type { RequestHead } from './request-head.ts';
import { RoundRobin } from './round-robin.ts';

interface Pool {
  name: string;
  members: number[];
  policy: Policy;
}

/** Pools, their policies, and how many connections each server holds. Servers are indexes. */
export class Dispatcher {
  readonly loads: Loads;
  private readonly pools = new Map<string, Pool>();

  constructor(
    servers: readonly ServerConfig[],
    pools: readonly PoolConfig[],
    random: () => number,
  ) {
    this.loads = {
      active: new Int32Array(servers.length),
      weight: Float64Array.from(servers, (server) => server.weight),
    };
    const indexes = new Map(servers.map((server, index) => [server.name, index]));
    for (const config of pools) {
      const policy = makePolicy(config);
      const members = config.servers.flatMap((name) => indexes.get(name) ?? []);
      policy.init({ members, loads: this.loads, random });
      this.pools.set(config.name, { name: config.name, members, policy });
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

function makePolicy(config: PoolConfig): Policy {
  if (config.policy === 'round-robin') return new RoundRobin();
  if (config.policy === 'least-connections') return new LeastConnections();
  return new Lard(config.tLow, config.tHigh);
}
