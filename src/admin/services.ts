import * as L from '../../assembly/layout.ts';
import { formatEndpoint } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import type { Connections } from '../connections.ts';
import type { ServerMode } from '../event.ts';

/** One of `GET /services`: a virtual service with its pools, as ipvsadm lists them. */
export interface ServiceView {
  name: string;
  /** `address:port` of every VIP */
  vips: string[];
  /** pool when no rule matches */
  pool: string;
  /** the pools that its rules name, the default one first */
  pools: PoolView[];
}

export interface PoolView {
  name: string;
  policy: string;
  servers: ServerView[];
}

export interface ServerView extends ServerCounts {
  /** where its agent listens */
  agent: string;
  /** port of the server application */
  port: number;
  weight: number;
  /** connections that are over and linger */
  inactive: number;
}

/** One of `GET /servers`. */
export interface StandingView extends ServerView {
  /** why it gets no new connections, or `up` */
  state: 'up' | 'down' | 'unhealthy' | 'drain' | 'maint';
  pools: string[];
  /** requests that wait in the queues of its pools; null: none of them has one */
  waiting: number | null;
}

/** One of the `servers` that `POST /rebalance` answers. */
export interface ShareView {
  server: string;
  weight: number;
  /** connections that it has */
  active: number;
  /** that it would have if they were shared by weight; null: it is not open to new ones */
  share: number | null;
  /** that it gives back */
  moves: number;
}

/** One pool's queue. */
export interface QueueCounts {
  pool: string;
  waiting: number;
}

/** What the switch's control counts of a server. */
export interface ServerCounts {
  name: string;
  /** its agent can be reached */
  up: boolean;
  /** what the operator wants */
  mode: ServerMode;
  /** pools in which its health checks have failed */
  unhealthyIn: string[];
  /** too many handoffs have failed */
  heldOff: boolean;
  /** connections that it has, of all pools */
  active: number;
  /** most that it gets from this host; null: as many as come */
  limit: number | null;
  handoffs: number;
  ready: number;
  failed: number;
}

/** Closed entries by index of the server. */
function countLingering(connections: Connections): Map<number, number> {
  const counts = new Map<number, number>();
  for (let entry = 0; entry < connections.entryCount; entry += 1) {
    if (connections.state(entry) !== L.STATE_CLOSED || connections.serverPort(entry) === 0)
      continue;
    const server = connections.record16(entry, L.RECORD_SERVER);
    counts.set(server, (counts.get(server) ?? 0) + 1);
  }
  return counts;
}

const NONE = {
  up: false,
  mode: 'ready',
  unhealthyIn: [],
  heldOff: false,
  active: 0,
  limit: null,
  handoffs: 0,
  ready: 0,
  failed: 0,
} satisfies Partial<ServerCounts>;

function serverViews(
  config: Config,
  connections: Connections,
  counts: ServerCounts[],
): ServerView[] {
  const lingering = countLingering(connections);
  return config.servers.map((server): ServerView => {
    const index = counts.findIndex(({ name }) => name === server.name);
    return {
      ...NONE,
      ...counts[index],
      name: server.name,
      agent: formatEndpoint(server.agent.address, server.agent.port),
      port: server.port,
      weight: server.weight,
      inactive: lingering.get(index) ?? 0,
    };
  });
}

export function stateOf({ mode, up, unhealthyIn, heldOff }: ServerCounts): StandingView['state'] {
  if (mode !== 'ready') return mode;
  if (!up) return 'down';
  return heldOff || unhealthyIn.length > 0 ? 'unhealthy' : 'up';
}

/** All servers of the configuration, `counts` as for serviceViews(). */
export function standingViews(
  config: Config,
  connections: Connections,
  counts: ServerCounts[],
  queues: QueueCounts[],
): StandingView[] {
  return serverViews(config, connections, counts).map((server) => {
    const members = config.pools.filter((pool) => pool.servers.includes(server.name));
    const pools = members.map(({ name }) => name);
    const own = queues.filter(({ pool }) => pools.includes(pool));
    const waiting = own.length === 0 ? null : own.reduce((sum, queue) => sum + queue.waiting, 0);
    return { ...server, state: stateOf(server), pools, waiting };
  });
}

/** `counts`: by index of the server in the table, which is not its place in the configuration. */
export function serviceViews(
  config: Config,
  connections: Connections,
  counts: ServerCounts[],
): ServiceView[] {
  const servers = serverViews(config, connections, counts);
  const poolNamed = (name: string, serverPort: number | undefined): PoolView[] =>
    config.pools
      .filter((pool) => pool.name === name)
      .map(({ policy, servers: members }) => ({
        name,
        policy,
        servers: servers
          .filter((server) => members.includes(server.name))
          .map((server) => ({ ...server, port: serverPort ?? server.port })),
      }));
  return config.services.map(({ name, vip, port, serverPort, pool, rules }) => ({
    name,
    vips: vip.map((address) => formatEndpoint(address, port)),
    pool,
    pools: [...new Set([pool, ...rules.map((rule) => rule.pool)])].flatMap((each) =>
      poolNamed(each, serverPort),
    ),
  }));
}
