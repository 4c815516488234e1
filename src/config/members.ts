// Servers that come and go while a program runs, over what its file says.
import { formatEndpoint } from './address.ts';
import type { Config, ServerConfig } from './config.ts';
import { resolveServer } from './config.ts';
import { suggestion } from './nearest.ts';
import { ConfigError, formatPath } from './problem.ts';
import { serverSchema } from './schema.ts';
import { schemaProblems } from './schema-problems.ts';

/** A server that was added to those of the file. */
export interface Member {
  server: ServerConfig;
  pools: string[];
}

/** How an operator says it; what is undefined is as that of the others in its pool. */
export interface WantedMember {
  name: string;
  /** of its agent, `address:port` */
  agent: string;
  port: number | undefined;
  weight: number | undefined;
  /** none: the only one there is */
  pools: string[];
}

/** Whether the file says otherwise: it has the name, or the agent's address, for a server of its own. */
export function isNamed({ servers }: Config, { server }: Member): boolean {
  return servers.some((own) => own.name === server.name || isSamePlace(own, server));
}

function placeOf({ agent }: ServerConfig): string {
  return formatEndpoint(agent.address, agent.port);
}

function isSamePlace(first: ServerConfig, second: ServerConfig): boolean {
  return placeOf(first) === placeOf(second);
}

export function withMembers(config: Config, members: readonly Member[]): Config {
  const servers = [...config.servers, ...members.map(({ server }) => server)];
  const pools = config.pools.map((pool) => {
    const added = members.filter((member) => member.pools.includes(pool.name));
    return { ...pool, servers: [...pool.servers, ...added.map(({ server }) => server.name)] };
  });
  return { ...config, servers, pools };
}

export function withoutServer(config: Config, name: string): Config {
  const pools = config.pools.map((pool) => {
    return { ...pool, servers: pool.servers.filter((server) => server !== name) };
  });
  return { ...config, servers: config.servers.filter((server) => server.name !== name), pools };
}

/** Throws ConfigError with what is wrong with it for a program that runs with that configuration. */
export function readMember(wanted: WantedMember, running: Config): Member {
  const { name, agent } = wanted;
  const pools = poolsOf(wanted, running);
  const [first = ''] = running.pools.find((pool) => pool.name === pools[0])?.servers ?? [];
  const like = running.servers.find((server) => server.name === first);
  const { weight, port = like?.port || undefined } = wanted;
  // a switch in front sends to what its distributors say
  const raw = {
    name,
    agent,
    port: running.inFront ? 1 : port,
    ...(weight !== undefined && { weight }),
  };
  const result = serverSchema.safeParse(raw);
  if (!result.success) {
    const problems = schemaProblems(serverSchema, raw, result.error);
    throw new ConfigError(problems.map(({ path, text }) => `${formatPath(path)}: ${text}`));
  }
  const server = resolveServer(result.data);
  const member = { server: running.inFront ? { ...server, port: 0 } : server, pools };
  const known = running.servers.find(
    (other) => other.name === name || isSamePlace(other, member.server),
  );
  if (!known) return member;
  throw new ConfigError([`${known.name} is there already, its agent is ${placeOf(known)}`]);
}

function poolsOf({ pools }: WantedMember, running: Config): string[] {
  const known = running.pools.map((pool) => pool.name);
  if (pools.length === 0 && known.length === 1) return known;
  if (pools.length === 0) throw new ConfigError([`expected a pool of ${known.join(', ')}`]);
  const unknown = pools.find((pool) => !known.includes(pool));
  if (unknown === undefined) return pools;
  throw new ConfigError([`unknown pool "${unknown}"${suggestion(unknown, known)}`]);
}

/** Throws ConfigError when the configuration cannot be without that server. */
export function checkRemoval({ servers, pools }: Config, name: string): void {
  checkName(servers, name);
  const last = pools.find((pool) => pool.servers.every((server) => server === name));
  if (!last) return;
  throw new ConfigError([`${name} is the only server of pool ${last.name}: add another one first`]);
}

/** Throws ConfigError when there is no such server. */
export function checkName(servers: readonly Pick<ServerConfig, 'name'>[], name: string): void {
  const known = servers.map((server) => server.name);
  if (known.includes(name)) return;
  throw new ConfigError([`unknown server "${name}"${suggestion(name, known)}`]);
}
