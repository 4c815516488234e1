// The configurations that the lab's switch and agents run with.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { EngineChoice, Placement } from '../config/choices.ts';
import { isSection, only, overlay, readOverlay, without, type Section } from './section.ts';
import {
  AGENT_PORT,
  DISPATCHER_PORT,
  SERVER_PORT,
  SWITCH_PORT,
  TLS_PORT,
  VIP_PORT,
  isIpv6,
} from './topology.ts';
import type { DispatcherPlan, ServerPlan, SwitchPlan, Topology } from './topology.ts';

export interface ClusterOptions {
  workers: number;
  /** `single` when omitted */
  placement?: Placement | undefined;
  /** program of the web servers: nginx has a TLS service, too */
  server?: string | undefined;
  /** of the switch and the agents; `auto` when omitted */
  engine?: EngineChoice | undefined;
  policy?: string | undefined;
  table?: string | undefined;
  /** so many of the servers, the last ones, are not the switch's at its start */
  spares?: number | undefined;
  /** those without an agent are told who their clients are: nginx and Apache only */
  proxy?: boolean | undefined;
  /** YAML whose parts are laid over the generated ones */
  config?: string | undefined;
}

const DEFAULT_POLICY = 'lard';
const CONNECTIONS = 65536;
/** Parts that the lab itself needs as they are. */
const FIXED = ['name', 'roles', 'admin', 'tls', 'insecure'];
/** Parts that the agents take; the switch takes all but the last. */
const AGENT_PARTS = ['timing', 'agent'];
/** Parts that only who reads requests takes. */
const READERS_PARTS = ['servers', 'pools', 'services'];
/** Placements whose switches of one group ask each other. */
const PEERS_IN: Placement[] = ['single', 'layer4'];

/**
 * Writes `directory`/NAME.yaml for every switch and server; their keys stand in `directory`/keys. The
 * file to lay over tells the services of the first switch; the others have a web service each. Throws
 * when it is not a YAML mapping.
 */
export function writeConfigurations(
  directory: string,
  topology: Topology,
  options: ClusterOptions,
): void {
  const laid = options.config === undefined ? {} : readOverlay(options.config);
  const write = (name: string, config: Section) =>
    writeFileSync(join(directory, `${name}.yaml`), stringify(config), { mode: 0o600 });

  const key = randomBytes(32).toString('hex');
  const isFront = options.placement === 'co-located';
  topology.switches.forEach((plan, index) => {
    // switches with the same VIPs are one group: the same services, and cookies that all of them know
    const isOwn = index > 0 && topology.front === 'apart';
    const config = switchConfig(directory, plan, topology, options);
    const shared = topology.front === 'apart' ? {} : groupParts(plan, topology, options, key);
    const reader = overlay(
      overlay(config, shared),
      without(laid, [...FIXED, 'agent', ...(isOwn ? ['services'] : [])]),
    );
    write(plan.name, isFront ? frontConfig(reader, topology, key) : reader);
  });
  for (const plan of topology.dispatchers) {
    const config = dispatcherConfig(directory, plan, topology, options);
    write(plan.name, overlay(config, only(laid, ['timing', 'servers', 'pools'])));
  }
  const forAgents = only(laid, AGENT_PARTS);
  for (const server of topology.servers.filter(({ isSpliced }) => !isSpliced)) {
    const config = agentConfig(directory, server, options);
    const beside = isFront
      ? overlay(distributorParts(directory, server, topology, options, key), {
          ...only(laid, READERS_PARTS),
          ...(isSection(laid['switch']) && { distributor: laid['switch'] }),
        })
      : {};
    write(server.name, overlay(overlay(config, beside), forAgents));
  }
}

/** The other switches of a switch's group, which it asks who has a connection. */
export function peersOf(
  name: string,
  { switches, front }: Topology,
  { placement = 'single' }: ClusterOptions,
): SwitchPlan[] {
  if (front === 'apart' || !PEERS_IN.includes(placement)) return [];
  return switches.filter((other) => other.name !== name);
}

/** What a switch has in common with others, and where they reach each other. */
function groupParts(
  { name, address }: SwitchPlan,
  topology: Topology,
  options: ClusterOptions,
  key: string,
): Section {
  const own = { group: 'lab', key };
  const others = peersOf(name, topology, options);
  if (others.length === 0) return { switch: own };
  const peers = others.map((other) => {
    return { name: other.name, control: `${other.address}:${SWITCH_PORT}` };
  });
  return { switch: { ...own, listen: `${address}:${SWITCH_PORT}` }, peers };
}

/** A switch that reads nothing, in place of one that does. */
function frontConfig(reader: Section, topology: Topology, key: string): Section {
  const services = (reader['services'] as Section[]).map(({ name, vip, port }) => {
    return { name, vip, port };
  });
  const distributors = topology.servers.map(({ name, address }) => {
    return { name, control: `${address}:${AGENT_PORT}` };
  });
  const own = overlay(reader['switch'] as Section, { key });
  return { ...without(reader, READERS_PARTS), switch: own, distributors, services };
}

/** What a server's host has besides its agent when it reads requests, too. */
function distributorParts(
  directory: string,
  server: ServerPlan,
  topology: Topology,
  options: ClusterOptions,
  key: string,
): Section {
  const reader = switchConfig(directory, topology.switches[0]!, topology, options);
  const [handoff, addresses] = halves(server.handoff);
  const own = { ...(reader['switch'] as Section), device: 'baton1', key, addresses };
  return {
    roles: ['distributor', 'dispatcher', 'agent'],
    distributor: own,
    agent: { handoff },
    ...only(reader, READERS_PARTS),
  };
}

/** Each prefix split in two: for the agent, and for the distributor. */
function halves(prefixes: string[]): [string[], string[]] {
  const split = prefixes.map((prefix) => {
    const [address = '', length = ''] = prefix.split('/');
    const longer = Number(length) + 1;
    const second = isIpv6(address)
      ? address.replace('::', ':0:0:8000::')
      : address.replace(/\d+$/, '128');
    return [`${address}/${longer}`, `${second}/${longer}`] as const;
  });
  return [split.map(([first]) => first), split.map(([, second]) => second)];
}

export function adminSocket(directory: string, host: string): string {
  return join(directory, `${host}.sock`);
}

function keysOf(host: string): Section {
  return { ca: 'keys/ca.pem', cert: `keys/${host}.pem`, key: `keys/${host}.key` };
}

function switchConfig(
  directory: string,
  { name, vip, vip6, source }: SwitchPlan,
  topology: Topology,
  options: ClusterOptions,
): Section {
  const servers = topology.servers.slice(0, topology.servers.length - (options.spares ?? 0));
  return {
    name,
    roles: ['switch'],
    workers: options.workers,
    engine: options.engine ?? 'auto',
    admin: adminSocket(directory, name),
    tls: keysOf(name),
    switch: {
      device: 'baton0',
      table: options.table ?? 'keyed',
      connections: CONNECTIONS,
      // switches of a group have the same VIPs
      group: name === 'switch' ? 'lab' : `lab-${name}`,
      key: randomBytes(32).toString('hex'),
      ...(servers.some(({ isSpliced }) => isSpliced) && { splice: { source } }),
    },
    // a lab that ends has no clients any more
    timing: { drainMs: 0 },
    ...(topology.dispatchers.length > 0 && {
      dispatchers: topology.dispatchers.map((dispatcher) => {
        return { name: dispatcher.name, control: `${dispatcher.address}:${DISPATCHER_PORT}` };
      }),
    }),
    servers: servers.map((server) => ({
      name: server.name,
      ...(server.isSpliced ? splicedParts(server, options) : agentParts(server)),
      port: SERVER_PORT,
      weight: 1,
    })),
    pools: [
      {
        name: 'default',
        servers: servers.map((server) => server.name),
        policy: options.policy ?? DEFAULT_POLICY,
      },
    ],
    services: [
      {
        name: 'web',
        vip: [vip, vip6],
        port: VIP_PORT,
        pool: 'default',
        ...(options.placement === 'layer4' && { protocol: 'tcp' }),
      },
      ...(options.server === 'nginx' ? [tlsService([vip, vip6])] : []),
    ],
  };
}

function agentParts({ address }: ServerPlan): Section {
  return { agent: `${address}:${AGENT_PORT}` };
}

function splicedParts({ address, address6 }: ServerPlan, { proxy }: ClusterOptions): Section {
  return { address: [address, address6], splice: proxy ? { proxy: 'v2' } : true };
}

/** It has servers and pools, which are those of the switches. */
function dispatcherConfig(
  directory: string,
  { name, address }: DispatcherPlan,
  topology: Topology,
  options: ClusterOptions,
): Section {
  const reader = switchConfig(directory, topology.switches[0]!, topology, options);
  return {
    name,
    roles: ['dispatcher'],
    admin: adminSocket(directory, name),
    tls: keysOf(name),
    dispatcher: { listen: `${address}:${DISPATCHER_PORT}` },
    ...only(reader, ['servers', 'pools']),
  };
}

function tlsService(vip: string[]): Section {
  const port = TLS_PORT;
  return { name: 'tls', vip, port, protocol: 'tls', serverPort: port, pool: 'default' };
}

function agentConfig(directory: string, server: ServerPlan, options: ClusterOptions): Section {
  return {
    name: server.name,
    roles: ['agent'],
    workers: options.workers,
    engine: options.engine ?? 'auto',
    admin: adminSocket(directory, server.name),
    tls: keysOf(server.name),
    agent: {
      listen: `${server.address}:${AGENT_PORT}`,
      device: 'baton0',
      handoff: server.handoff,
      service: server.service,
      connections: CONNECTIONS,
      state: 'state',
    },
  };
}
