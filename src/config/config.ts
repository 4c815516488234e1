// The configuration as the program uses it: defaults filled in, addresses as bytes, paths absolute.
import { dirname, resolve } from 'node:path';
import { parseAddress, parseEndpoint, parsePrefix } from './address.ts';
import type { Endpoint, Prefix } from './address.ts';
import { LARD } from './choices.ts';
import type { QueueConfig } from './capacity.ts';
import type { HealthConfig } from './health.ts';
import { configSchema } from './schema.ts';
import type { SpliceConfig, SplicedServer, SplicingConfig } from './splicing.ts';
import type {
  DispatchName,
  EngineChoice,
  PathsName,
  PolicyName,
  ProtocolName,
  Role,
} from './choices.ts';
import type { Affinity, RawConfig } from './schema.ts';
import type { TargetConfig } from './target.ts';

export interface TlsFiles {
  ca: string;
  cert: string;
  key: string;
}

/** Of a host with role switch or distributor. */
export interface SwitchConfig {
  device: string;
  table: 'keyed' | 'paper';
  connections: number;
  group: string;
  /** master key of the SYN cookies, 32 bytes */
  key: Uint8Array;
  /** most connections that servers have by their SYN alone; absent: 32 for each server */
  halfOpen?: number | undefined;
  /** most half-read requests at a time, of 16 KiB at most; never more than an eighth of the table */
  halfRead: number;
  /** client bytes held per connection while a handoff is under way */
  heldBytes: number;
  /** bytes; smallest between the switch and its servers */
  mtu: number;
  /** where other switches of the group reach this one */
  listen?: Endpoint | undefined;
  /** present where servers without an agent may be */
  splice?: SplicingConfig | undefined;
  /** distributor behind a switch: where new connections come to; at most one per family */
  addresses?: Prefix[] | undefined;
}

/** What takes connections over. */
export interface TakeoverConfig {
  device: string;
  /** at most one per family; each family stands in both lists */
  handoff: Prefix[];
  service: Prefix[];
  /** the servers are other hosts; then there is no service prefix */
  splice?: SpliceConfig | undefined;
  connections: number;
  /** folder in which the table is kept from start to start; absent: connections end with the agent */
  state?: string | undefined;
}

export interface AgentConfig extends TakeoverConfig {
  listen: Endpoint;
}

/** A dispatcher on a host of its own. */
export interface DispatcherConfig {
  listen: Endpoint;
}

/** Where another host is reached: a dispatcher, or another switch of the group. */
export interface RemoteHostConfig {
  name: string;
  control: Endpoint;
}

export interface ServerConfig {
  name: string;
  /** where its agent is reached; of a spliced one the server application */
  agent: Endpoint;
  splice?: SplicedServer | undefined;
  /** local port of the server application */
  port: number;
  weight: number;
  /** so long its weight grows after it came up; absent: it has it at once */
  slowStartMs?: number | undefined;
  /** most connections at a time; absent: what its pools say */
  maxConnections?: number | undefined;
}

export interface CostsConfig {
  idle?: number | undefined;
  overload?: number | undefined;
  miss?: number | undefined;
}

export interface PoolConfig {
  name: string;
  servers: string[];
  policy: PolicyName;
  /** LARD's thresholds, connections */
  tLow: number;
  tHigh: number;
  /** LARD with replication: ms without a change until a target loses a replica */
  replicaMs?: number | undefined;
  /** LARD as costs: connections that cost nothing and that are too many; cost of a miss */
  costs?: CostsConfig | undefined;
  /** CAP: patterns of paths */
  classes?: string[] | undefined;
  /** bounded load: > 1 */
  loadBound?: number | undefined;
  health?: HealthConfig | undefined;
  /** what the policy keys on; absent: path */
  target?: TargetConfig | undefined;
  /** of each of its servers that says nothing itself; absent: as many as come */
  maxConnections?: number | undefined;
  /** absent: requests wait as timing.serverWaitMs says, in no order */
  queue?: QueueConfig | undefined;
  /** of servers, or a percentage; absent: it is never down, or without any server if it has `sorry` */
  quorum?: number | string | undefined;
  hysteresis?: number | undefined;
  /** pool for its new connections while it is down */
  sorry?: string | undefined;
}

/** Conditions; all that are present must hold. Patterns: `*` stands for any characters. */
export interface MatchConfig {
  host?: string | undefined;
  path?: string | undefined;
  method?: string | undefined;
  header?: Record<string, string> | undefined;
  cookie?: Record<string, string> | undefined;
  query?: Record<string, string> | undefined;
  /** protocol tls: the server name, and one of the protocols that the client offers */
  sni?: string | undefined;
  alpn?: string | undefined;
}

export interface RuleConfig {
  match: MatchConfig;
  pool: string;
}

export interface ServiceConfig {
  name: string;
  vip: Uint8Array[];
  port: number;
  protocol: ProtocolName;
  /** absent: session for protocol tls, none for others */
  affinity?: Affinity | undefined;
  /** of protocol tcp; absent: syn */
  on?: DispatchName | undefined;
  /** port of the server application; absent: that of each server */
  serverPort?: number | undefined;
  /** pool when no rule matches */
  pool: string;
  rules: RuleConfig[];
  /** how its servers read a path */
  paths?: PathsName;
  requests?: 'per-connection' | 'per-request';
  pipelining?: 'allow' | 'refuse';
  keepAlive?: 'allow' | 'refuse';
}

export type TimingConfig = RawConfig['timing'];

/** Of a file that says nothing of timing. */
export const TIMING_DEFAULTS: TimingConfig = configSchema.shape.timing.parse({});

export interface Config {
  /** the file it was read from */
  file: string;
  name: string;
  roles: Role[];
  workers: number;
  /** `auto`: what this machine lets this user do */
  engine: EngineChoice;
  /** path of the admin socket */
  admin: string;
  /** absent when `insecure` */
  tls?: TlsFiles;
  insecure: boolean;
  /** present when roles hold `switch` or `distributor`, from the section of the first of them */
  switch?: SwitchConfig;
  /** a switch that reads nothing: `servers` are its distributors, in one pool */
  inFront?: boolean;
  /** present when roles hold `agent` */
  agent?: AgentConfig;
  /** present when the host is a dispatcher for others */
  dispatcher?: DispatcherConfig;
  /** who chooses the servers, the first that can be reached; absent: the host's own dispatcher */
  dispatchers?: RemoteHostConfig[];
  /** the other switches of the group; absent: there is none */
  peers?: RemoteHostConfig[];
  servers: ServerConfig[];
  pools: PoolConfig[];
  services: ServiceConfig[];
  timing: TimingConfig;
}

/** What the schema has accepted already: absence is a mistake of this program. */
function accepted<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('configuration: the schema accepted a wrong value');
  return thing;
}

/** `raw` has passed the schema and the cross-checks. Paths are relative to the file. */
export function resolveConfig(file: string, raw: RawConfig): Config {
  const folder = dirname(resolve(file));
  const path = (name: string): string => resolve(folder, name);
  const { tls, insecure, switch: own, distributor, distributors, agent, ...others } = raw;
  const { dispatcher, dispatchers, peers, ...rest } = others;
  const inFront = distributors.length > 0;
  const section = own ?? distributor;
  return {
    ...rest,
    file,
    admin: path(raw.admin),
    insecure: insecure ?? false,
    ...(tls && { tls: { ca: path(tls.ca), cert: path(tls.cert), key: path(tls.key) } }),
    ...(inFront && { inFront }),
    ...(section && { switch: switchConfig(section, own, !own && distributor?.addresses) }),
    ...(agent && {
      agent: {
        ...agent,
        ...(agent.state !== undefined && { state: path(agent.state) }),
        listen: accepted(parseEndpoint(agent.listen)),
        handoff: agent.handoff.map((text) => accepted(parsePrefix(text))),
        service: agent.service.map((text) => accepted(parsePrefix(text))),
      },
    }),
    ...(dispatcher && { dispatcher: { listen: accepted(parseEndpoint(dispatcher.listen)) } }),
    ...(dispatchers.length > 0 && { dispatchers: dispatchers.map(remoteHost) }),
    ...(peers.length > 0 && { peers: peers.map(remoteHost) }),
    servers: raw.servers.map(resolveServer),
    ...(inFront ? frontServers(raw) : {}),
    services: raw.services.map((service) => ({
      ...service,
      ...(inFront ? FRONT_SERVICE : { pool: accepted(service.pool) }),
      vip: service.vip.map((text) => accepted(parseAddress(text))),
    })),
  };
}

/** Of whichever section there is; `addresses`: a distributor's. */
function switchConfig(
  section: Omit<NonNullable<RawConfig['switch']>, 'listen' | 'splice'>,
  { listen, splice }: Pick<NonNullable<RawConfig['switch']>, 'listen' | 'splice'> = {},
  addresses: string[] | undefined | false,
): SwitchConfig {
  const source = splice?.source.map((text) => accepted(parsePrefix(text)));
  return {
    ...section,
    key: Uint8Array.from(Buffer.from(section.key, 'hex')),
    listen: listen === undefined ? undefined : accepted(parseEndpoint(listen)),
    splice: splice && source && { ...splice, source },
    ...(addresses && { addresses: addresses.map((text) => accepted(parsePrefix(text))) }),
  };
}

function remoteHost({ name, control }: RawConfig['peers'][number]): RemoteHostConfig {
  return { name, control: accepted(parseEndpoint(control)) };
}

export function resolveServer(server: RawConfig['servers'][number]): ServerConfig {
  const { name, agent, address, splice, ...rest } = server;
  if (agent !== undefined) return { name, agent: accepted(parseEndpoint(agent)), ...rest };
  const addresses = [address ?? []].flat().map((text) => accepted(parseAddress(text)));
  const proxy = typeof splice === 'object' && splice.proxy !== undefined;
  const place = { address: accepted(addresses[0]), port: server.port };
  return { name, agent: place, splice: { addresses, proxy }, ...rest };
}

/** Nothing is read: a SYN goes to the least loaded of all. */
const FRONT_SERVICE = { protocol: 'tcp', on: 'syn', pool: 'distributors' } as const;

function frontServers(raw: RawConfig): Pick<Config, 'servers' | 'pools'> {
  const servers = raw.distributors.map(({ name, control, weight }) => {
    return { name, agent: accepted(parseEndpoint(control)), port: 0, weight };
  });
  const name = FRONT_SERVICE.pool;
  const policy = 'least-connections';
  const pool = { name, servers: servers.map((server) => server.name), policy } as const;
  return { servers, pools: [{ ...pool, ...LARD }] };
}
