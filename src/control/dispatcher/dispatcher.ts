import { isDeepStrictEqual } from 'node:util';
import type { RosterDetails } from '../../channel/dispatch-messages.ts';
import { WITHOUT_TARGET } from '../../config/choices.ts';
import type { PoolConfig, ServerConfig } from '../../config/config.ts';
import type { JsonFieldConfig } from '../../config/target.ts';
import { BoundedLoad } from './bounded-load.ts';
import { Cap } from './cap.ts';
import { LardCost } from './lard-cost.ts';
import { LardReplicated } from './lard-replicated.ts';
import { Lard } from './lard.ts';
import { LeastConnections } from './least-connections.ts';
import { Maglev } from './maglev.ts';
import { NO_SERVER } from './policy.ts';
import type { Loads, Policy } from './policy.ts';
import type { RequestHead } from './request-head.ts';
import { RoundRobin } from './round-robin.ts';
import { SlowStart } from './slow-start.ts';
import { jsonFieldOf, targetFinder } from './target.ts';
import type { TargetFinder } from './target.ts';
import { TwoChoices } from './two-choices.ts';

interface Pool {
  config: PoolConfig;
  members: number[];
  policy: Policy;
  find: TargetFinder | null;
}

type Weighted = Pick<ServerConfig, 'name' | 'weight'>;

/** Pools, their policies, and how many connections each server holds. Servers are indexes. */
export class Dispatcher {
  readonly loads: Loads = {
    active: new Int32Array(0),
    weight: new Float64Array(0),
    share: new Float64Array(0),
    identity: new Uint32Array(0),
  };
  /** names by index */
  serverNames: readonly string[] = [];
  /** told of each connection that a server gets or loses, for a dispatcher elsewhere that counts, too */
  onCount: ((server: number, change: 1 | -1) => void) | null = null;
  /** some server has lost a connection; whoever asks sets it back */
  hasReleased = false;
  /** told when a server begins to start slowly */
  onStart: (() => void) | null = null;
  /** some pool keys on a field of bodies */
  readsBodies = false;
  private readonly random: () => number;
  private readonly slowStart = new SlowStart();
  private fullWeight = new Float64Array(0);
  private pools = new Map<string, Pool>();
  /** of the pools that each server is in, those that want to know what ends */
  private policies: Policy[][] = [];

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
    this.serverNames = servers.map(({ name }) => name);
    this.fullWeight = Float64Array.from(servers, (server) => server.weight);
    this.loads.weight = this.fullWeight.slice();
    this.loads.share = new Float64Array(servers.length).fill(1);
    this.loads.identity = Uint32Array.from(servers, (server) => identityOf(server.name));
    const indexes = new Map(servers.map((server, index) => [server.name, index]));
    this.readsBodies = pools.some(({ target }) => jsonFieldOf(target) !== null);
    const before = this.pools;
    this.pools = new Map();
    this.policies = servers.map(() => []);
    for (const config of pools) {
      const known = before.get(config.name);
      const policy =
        known && isSamePolicy(known.config, config)
          ? known.policy
          : POLICIES[config.policy](config);
      const members = config.servers.flatMap((name) => indexes.get(name) ?? []);
      policy.init({ members, loads: this.loads, random: this.random });
      if (policy.postRequest) {
        for (const member of new Set(members)) this.policies[member]!.push(policy);
      }
      this.pools.set(config.name, { config, members, policy, find: targetFinder(config.target) });
    }
    for (const [name, { policy }] of before) {
      if (this.pools.get(name)?.policy !== policy) policy.shutdown();
    }
  }

  /** The server came up: its weight grows for so long. */
  startSlowly(server: number, forMs: number, nowMs: number): void {
    this.slowStart.begin(server, forMs, nowMs);
    this.onStart?.();
  }

  /** What another dispatcher needs to weigh the servers as this one does. */
  details(nowMs: number): RosterDetails {
    const standings = Array.from(this.fullWeight, (weight, server) => {
      return { weight, ...this.slowStart.progress(server, nowMs) };
    });
    return { standings, members: [...this.pools.values()].map(({ members }) => [...members]) };
  }

  get poolNames(): string[] {
    return [...this.pools.keys()];
  }

  /** Undefined for an unknown pool. */
  configOf(pool: string): PoolConfig | undefined {
    return this.pools.get(pool)?.config;
  }

  /** Indexes of the pool's servers; none for an unknown pool. */
  members(pool: string): readonly number[] {
    return this.pools.get(pool)?.members ?? [];
  }

  /**
   * What the pool's policy keys on (a number), from a head that was just parsed. `field`: what is here of
   * the body's field that the pool's target names, if it names one.
   */
  parse(
    pool: string,
    request: RequestHead,
    hash?: (bytes: Uint8Array) => number,
    field: Uint8Array | null = null,
  ): number {
    const known = this.pools.get(pool);
    if (!known) return 0;
    const bytes = field ?? known.find?.(request) ?? null;
    request.ownTarget = hash && bytes && bytes.length > 0 ? hash(bytes) : null;
    return known.policy.parse(request);
  }

  /** The field of JSON bodies that the pool's policy keys on; null: it needs no body. */
  fieldOf(pool: string): JsonFieldConfig | null {
    return jsonFieldOf(this.pools.get(pool)?.config.target);
  }

  /** The pool's policy does not look at what a request is for, so it cannot bring a client back. */
  isBlind(pool: string): boolean {
    const policy = this.pools.get(pool)?.config.policy;
    return policy === undefined || WITHOUT_TARGET.includes(policy);
  }

  /** Assigns a connection: the server's index, counted as active, or NO_SERVER. */
  assign(pool: string, target: number, usable: Uint8Array, nowMs: number): number {
    this.slowStart.apply(this.loads, this.fullWeight, nowMs);
    const server = this.pools.get(pool)?.policy.select(target, usable, nowMs) ?? NO_SERVER;
    if (server !== NO_SERVER) this.adopt(server);
    return server;
  }

  /** The server that should get the next request of a connection that `from` has. */
  follow(pool: string, target: number, from: number, usable: Uint8Array, nowMs: number): number {
    const policy = this.pools.get(pool)?.policy;
    this.slowStart.apply(this.loads, this.fullWeight, nowMs);
    if (policy?.follow) return policy.follow(target, from, usable, nowMs);
    if (!policy || this.isBlind(pool)) return from;
    return policy.select(target, usable, nowMs);
  }

  /** A connection came to us already on that server (resync). */
  adopt(server: number): void {
    this.loads.active[server]! += 1;
    this.onCount?.(server, 1);
  }

  /** Another dispatcher has assigned a connection to it. */
  take(server: number): void {
    this.loads.active[server]! += 1;
  }

  /** A connection of that server is over. */
  release(server: number): void {
    if (this.loads.active[server]! > 0) {
      this.loads.active[server]! -= 1;
      this.hasReleased = true;
      this.onCount?.(server, -1);
    }
    for (const policy of this.policies[server] ?? []) policy.postRequest!(server);
  }
}

/** What a policy is made of. Servers may come and go: it keeps what it knows of the others. */
function ownOf({ policy, tLow, tHigh, replicaMs, costs, classes, loadBound, target }: PoolConfig) {
  return { policy, tLow, tHigh, replicaMs, costs, classes, loadBound, target };
}

function isSamePolicy(first: PoolConfig, second: PoolConfig): boolean {
  return isDeepStrictEqual(ownOf(first), ownOf(second));
}

/** FNV-1a. */
function identityOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

const POLICIES: Record<PoolConfig['policy'], (config: PoolConfig) => Policy> = {
  'round-robin': () => new RoundRobin(),
  'least-connections': () => new LeastConnections(),
  'two-choices': () => new TwoChoices(),
  lard: ({ tLow, tHigh }) => new Lard(tLow, tHigh),
  'lard-replicated': ({ tLow, tHigh, replicaMs }) => new LardReplicated(tLow, tHigh, replicaMs),
  'lard-cost': ({ costs }) => new LardCost(costs),
  cap: ({ classes }) => new Cap(classes),
  maglev: () => new Maglev(),
  'bounded-load': ({ loadBound }) => new BoundedLoad(loadBound),
};
