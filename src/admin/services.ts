import * as L from '../../assembly/layout.ts';
import { formatEndpoint } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import type { Connections } from '../connections.ts';

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

/** What the switch's control counts of a server. */
export interface ServerCounts {
  name: string;
  /** its agent can be reached */
  up: boolean;
  /** connections that it has, of all pools */
  active: number;
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

/** `counts`: by index of the server in the table, which is not its place in the configuration. */
export function serviceViews(
  config: Config,
  connections: Connections,
  counts: ServerCounts[],
): ServiceView[] {
  const lingering = countLingering(connections);
  const servers = config.servers.map((server): ServerView => {
    const index = counts.findIndex(({ name }) => name === server.name);
    const none = { up: false, active: 0, handoffs: 0, ready: 0, failed: 0 };
    return {
      ...none,
      ...counts[index],
      name: server.name,
      agent: formatEndpoint(server.agent.address, server.agent.port),
      port: server.port,
      weight: server.weight,
      inactive: lingering.get(index) ?? 0,
    };
  });
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
