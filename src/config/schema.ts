// The configuration file's shape, as the person writes it. Meaning across keys: cross-check.ts.
import { z } from 'zod';
import {
  AFFINITIES,
  DISPATCHES,
  ENGINES,
  LARD,
  PATHS,
  POLICIES,
  PROTOCOLS,
  REQUESTS,
  ROLES,
} from './choices.ts';
import {
  connections,
  device,
  endpoint,
  key,
  listOf,
  milliseconds,
  name,
  patterns,
  port,
  prefix,
  section,
  text,
  vip,
  weight,
  whole,
} from './fields.ts';
import { health } from './health.ts';
import { capacity } from './capacity.ts';
import { target } from './target.ts';

const AFFINITY = 'none, session or { cookie: NAME }';
const COOKIE = "the name of a cookie (letters, digits and !#$%&'*+.^_`|~-, at most 64)";
const tls = section({
  ca: text('a file name').describe("certificates of the cluster's CA (PEM)"),
  cert: text('a file name').describe("this host's certificate; its CN is the host's name"),
  key: text('a file name').describe("this host's private key"),
}).describe('mutual TLS of the control channel, made by baton keygen');

/** Of whoever reads requests, and of a switch in front. */
const switching = {
  table: z.enum(['keyed', 'paper'], { error: 'keyed or paper' }).default('keyed'),
  connections: connections.describe('most connections at a time'),
  group: name.default('main').describe('switches of a group share VIPs and key'),
  key: key.describe('master key of the SYN cookies'),
  halfOpen: whole(1, 1_000_000, 'a number of connections')
    .optional()
    .describe('most connections given to servers by their SYN and not proven by an ACK yet'),
  halfRead: whole(1, 1_000_000, 'a number of connections')
    .default(4096)
    .describe('most connections at a time whose request is half read; the oldest goes'),
  heldBytes: whole(1460, 1_048_576, 'bytes')
    .default(65536)
    .describe('client bytes held per connection while a handoff is under way'),
  mtu: whole(1280, 9216, 'bytes')
    .default(1500)
    .describe('smallest MTU between the switch and its servers; the MSS that clients are told'),
};

const switchSection = section({
  device: device.default('baton0').describe('name of the TUN device'),
  listen: endpoint.optional().describe('where the other switches of the group reach this one'),
  splice: section({
    source: listOf(prefix, 'prefixes').describe(
      'routed to this host: by these addresses the servers without an agent know clients',
    ),
    device: device.default('splice0').describe('name of the TUN device'),
    connections: connections.describe('most connections at a time'),
  })
    .optional()
    .describe('for servers without an agent: two-way, their answers come back through this host'),
  ...switching,
});

const distributorSection = section({
  device: device.default('baton1').describe('name of the TUN device'),
  addresses: listOf(prefix, 'prefixes').describe(
    'addresses routed to this host: there the switch in front sends new connections',
  ),
  ...switching,
});

const agentSection = section({
  listen: endpoint.describe('where switches reach the agent'),
  device: device.default('baton0').describe('name of the TUN device'),
  handoff: listOf(prefix, 'prefixes').describe('addresses routed to this host for handoffs'),
  service: listOf(prefix, 'prefixes').describe('addresses that are local to the server'),
  connections: connections.describe('most connections at a time'),
  state: text('a folder name')
    .optional()
    .describe('folder for the table, so that connections outlive the agent; best in a tmpfs'),
});

export const serverSchema = section({
  name: name.describe("the agent's name, as its certificate says"),
  agent: endpoint.optional().describe("the agent's control address"),
  address: z
    .union([vip, listOf(vip, 'addresses')], { error: 'an address, or a list of one per family' })
    .optional()
    .describe('of a server without an agent'),
  splice: z
    .union([z.literal(true), section({ proxy: z.literal('v2', { error: 'v2' }) })], {
      error: 'true, or { proxy: v2 }',
    })
    .optional()
    .describe('it has no agent: its connections are spliced; proxy: it expects that header'),
  port: port.describe('port of the server application'),
  weight: weight.default(1),
  slowStartMs: milliseconds
    .optional()
    .describe('so long its weight grows after it came up, from next to nothing'),
  maxConnections: capacity.maxConnections,
});

const distributor = section({
  name: name.describe("the host's name, as its certificate says"),
  control: endpoint.describe("the host's control address (its agent.listen)"),
  weight: weight.default(1),
});

const dispatcherSection = section({
  listen: endpoint.describe('where distributors reach the dispatcher'),
});

const dispatcher = section({
  name: name.describe("the host's name, as its certificate says"),
  control: endpoint.describe("the host's control address (its dispatcher.listen)"),
});

const peer = section({
  name: name.describe("the switch's name, as its certificate says"),
  control: endpoint.describe("the switch's control address (its switch.listen)"),
});

const LOAD_BOUND = 'a number above 1, at most 100';
const pool = section({
  name,
  servers: listOf(name, 'server names'),
  policy: z.enum(POLICIES, { error: POLICIES.join(', ') }).default('lard'),
  target,
  tLow: whole(1, 1_000_000, 'connections')
    .default(LARD.tLow)
    .describe('LARD: below it a server idles'),
  tHigh: whole(1, 1_000_000, 'connections')
    .default(LARD.tHigh)
    .describe('LARD: above it a target moves'),
  replicaMs: milliseconds
    .optional()
    .describe('lard-replicated: after so long without a change a target loses a replica (20000)'),
  costs: section({
    idle: whole(0, 1_000_000, 'connections').optional(),
    overload: whole(1, 1_000_000, 'connections').optional(),
    miss: whole(0, 1_000_000, 'a cost').optional(),
  })
    .optional()
    .describe('lard-cost: connections that cost nothing, too many, cost of a miss (30, 130, 50)'),
  classes: z
    .array(text('a pattern of paths'), { error: 'a list of patterns of paths' })
    .optional()
    .describe('cap: classes of requests, the rest is one too'),
  loadBound: z
    .number({ error: LOAD_BOUND })
    .gt(1, { error: LOAD_BOUND })
    .max(100, { error: LOAD_BOUND })
    .optional()
    .describe('bounded-load: most connections of a server, in shares of all (1.25)'),
  health: health.optional().describe('which of its servers work: active and passive checks'),
  ...capacity,
});

const METHOD = 'a method such as GET';
const match = section({
  host: text('a host name, * allowed').optional(),
  path: z
    .string({ error: 'a path that begins with / or *' })
    .regex(/^[/*]/, { error: 'a path that begins with / or *' })
    .optional(),
  method: z
    .string({ error: METHOD })
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: METHOD })
    .optional(),
  header: patterns.optional(),
  cookie: patterns.optional(),
  query: patterns.optional(),
  sni: text('a server name, * allowed').optional().describe('protocol tls: the name asked for'),
  alpn: text('a protocol name such as h2, * allowed')
    .optional()
    .describe('protocol tls: one of the protocols that the client offers'),
});

const cookieName = z
  .string({ error: COOKIE })
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, { error: COOKIE })
  .describe('clients come back to the server that set their cookie of that name');
const permission = z.enum(['allow', 'refuse'], { error: 'allow or refuse' }).default('allow');

const service = section({
  name,
  vip: listOf(vip, 'addresses'),
  port: port.default(80),
  protocol: z
    .enum(PROTOCOLS, { error: PROTOCOLS.join(' or ') })
    .default('http')
    .describe('http: the request is read; tls: the ClientHello, servers end the TLS; tcp: nothing'),
  affinity: z
    .union([z.enum(AFFINITIES), section({ cookie: cookieName })], { error: AFFINITY })
    .optional()
    .describe(
      'by what clients come back to their server: session (default of protocol tls), cookie',
    ),
  on: z
    .enum(DISPATCHES, { error: DISPATCHES.join(' or ') })
    .optional()
    .describe(
      'protocol tcp: a client reaches a server with its SYN (default), or once it is proven',
    ),
  serverPort: port.optional().describe("port on its servers, where it is not each server's own"),
  pool: name
    .optional()
    .describe('pool when no rule matches; none in a switch in front of distributors'),
  paths: z
    .enum(PATHS, { error: PATHS.join(', ') })
    .default('strict')
    .describe('how the servers read a path; strict refuses what they might read in two ways'),
  requests: z
    .enum(REQUESTS, { error: REQUESTS.join(' or ') })
    .default('per-connection')
    .describe('rules decide about the first request of a connection, or about each'),
  pipelining: permission.describe('refuse: no second request behind the first one'),
  keepAlive: permission.describe('refuse: no request after which the connection stays open'),
  rules: z
    .array(section({ match, pool: name }), { error: 'a list of rules' })
    .default([])
    .describe('the first rule whose conditions all hold decides'),
});

const timing = section({
  agentHandoffTimeoutMs: milliseconds.default(800),
  handoffTimeoutMs: milliseconds.default(1000),
  lingerMs: milliseconds.default(60_000),
  pingIntervalMs: milliseconds.default(250),
  peerTimeoutMs: milliseconds.default(1000).describe('a peer silent for so long is down'),
  leaseMs: milliseconds.default(1000),
  idleTimeoutMs: milliseconds.default(3_600_000),
  gatherTimeoutMs: milliseconds.default(20_000),
  serverWaitMs: whole(0, 60_000, 'milliseconds')
    .default(5000)
    .describe('a request waits so long for a server when there is none'),
  drainMs: whole(0, 3_600_000, 'milliseconds')
    .default(5000)
    .describe('at SIGTERM, what is under way may take so long to end'),
});

export const configSchema = section({
  name: name.describe("this host's name, the CN of its certificate"),
  roles: listOf(z.enum(ROLES, { error: ROLES.join(' or ') }), `roles (${ROLES.join(', ')})`),
  workers: whole(1, 64, 'a number of workers').default(1),
  engine: z
    .enum(ENGINES, { error: ENGINES.join(', ') })
    .default('auto')
    .describe('packet I/O; auto: tun where /dev/net/tun can be opened, else packet'),
  admin: text('a file name').default('/run/baton.sock').describe('admin socket (unix)'),
  tls: tls.optional(),
  insecure: z
    .literal(true, { error: 'true, or no such key' })
    .optional()
    .describe('plaintext control channel, for trials only'),
  switch: switchSection.optional(),
  distributor: distributorSection.optional(),
  agent: agentSection.optional(),
  dispatcher: dispatcherSection.optional(),
  dispatchers: z
    .array(dispatcher, { error: 'a list of dispatchers' })
    .default([])
    .describe('hosts that choose the servers; the first that can be reached is asked'),
  peers: z
    .array(peer, { error: 'a list of switches' })
    .default([])
    .describe('the other switches of the group, which get packets of the same VIPs'),
  distributors: z
    .array(distributor, { error: 'a list of distributors' })
    .default([])
    .describe('hosts over which a switch that reads nothing spreads new connections'),
  servers: z.array(serverSchema, { error: 'a list of servers' }).default([]),
  pools: z.array(pool, { error: 'a list of pools' }).default([]),
  services: z.array(service, { error: 'a list of services' }).default([]),
  timing: timing.prefault({}),
});

export type RawConfig = z.output<typeof configSchema>;
export type Affinity = NonNullable<RawConfig['services'][number]['affinity']>;

/** JSON Schema (draft 2020-12) of the file, for editors. */
export function jsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: 'input' });
}
