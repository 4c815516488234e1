// What an operator of the simulated cluster would write into the hosts' configuration files.
import { parsePrefix } from '../../src/config/address.ts';
import { resolveConfig, type Config } from '../../src/config/config.ts';
import { configSchema } from '../../src/config/schema.ts';
import type { ClusterOptions } from './cluster.ts';

export const VIP4 = '192.0.2.80';
export const VIP6 = '2001:db8:80::80';
/** Of a second switch that has VIPs of its own. */
export const OTHER_VIP4 = '192.0.2.81';
export const OTHER_VIP6 = '2001:db8:81::81';
/** The server of requests of odd number, where each request is dispatched. */
export const ODD = 'server2';
const KEY = '5a'.repeat(32);

/** Of server `number`'s agent. */
export function agentConfig(number: number, options: ClusterOptions): Config {
  const raw = configSchema.parse({
    name: `server${number}`,
    roles: ['agent'],
    workers: options.workers,
    insecure: true,
    agent: {
      listen: `10.80.${10 + number}.2:7080`,
      handoff: [`10.81.${number}.0/24`, `fd81:${number}::/64`],
      service: [`10.82.${number}.0/24`, `fd82:${number}::/64`],
      connections: options.connections,
    },
    timing: options.timing,
  });
  return resolveConfig('/simulation.yaml', raw);
}

export function switchConfig(options: ClusterOptions, name = 'switch'): Config {
  const servers = Array.from({ length: options.servers }, (_, i) => ({
    name: `server${i + 1}`,
    agent: `10.80.${11 + i}.2:7080`,
    port: options.serverPort,
  }));
  const raw = configSchema.parse({
    name,
    roles: ['switch'],
    workers: options.workers,
    insecure: true,
    switch: {
      listen: '10.80.2.2:7080',
      table: options.table,
      connections: options.connections,
      key: KEY,
      heldBytes: options.heldBytes,
      mtu: 1500,
    },
    peers: peersOf(name, options),
    dispatchers: dispatchersOf(options),
    servers,
    ...dispatching(servers, vipsOf(name, options), options),
    timing: options.timing,
  });
  return resolveConfig('/simulation.yaml', raw);
}

function peersOf(name: string, { placement }: ClusterOptions): object[] {
  if (placement !== 'group') return [];
  const others = ['switch', 'switch2'].filter((other) => other !== name);
  return others.map((other) => ({ name: other, control: '10.80.2.2:7080' }));
}

export function dispatcherName(number: number): string {
  return `dispatcher${number}`;
}

function dispatchersOf({ dispatchers = 0 }: ClusterOptions): object[] {
  return Array.from({ length: dispatchers }, (_, i) => {
    return { name: dispatcherName(i + 1), control: `10.80.9.${i + 2}:7081` };
  });
}

/** IPv4, IPv6. */
export function vipsOf(name: string, { placement }: ClusterOptions): [string, string] {
  const isOwn = placement === 'multiple' && name === 'switch2';
  return isOwn ? [OTHER_VIP4, OTHER_VIP6] : [VIP4, VIP6];
}

/** Whether each request of a connection has servers of its own. */
export function dispatchesEach({ placement, requests, servers }: ClusterOptions): boolean {
  // where servers die each must be able to stand in for another
  return requests === 'per-request' && servers > 1 && placement !== 'dying';
}

function dispatching(
  servers: { name: string }[],
  vip: [string, string],
  options: ClusterOptions,
): object {
  const { policy, requests } = options;
  const names = servers.map(({ name }) => name);
  const service = { name: 'web', vip, port: 80, pool: 'all', requests };
  if (!dispatchesEach(options)) {
    return { pools: [{ name: 'all', servers: names, policy }], services: [service] };
  }
  const rules = [1, 3, 5, 7, 9].map((digit) => ({ match: { path: `*${digit}` }, pool: 'odd' }));
  const pools = [
    { name: 'all', servers: names.filter((name) => name !== ODD), policy },
    { name: 'odd', servers: [ODD], policy },
  ];
  return { pools, services: [{ ...service, rules }] };
}

/** Of a switch that reads nothing, in front of the servers' hosts. */
export function frontConfig(options: ClusterOptions): Config {
  const reader = switchConfig(options);
  const raw = configSchema.parse({
    name: 'switch',
    roles: ['switch'],
    workers: options.workers,
    insecure: true,
    switch: { table: options.table, connections: options.connections, key: KEY },
    distributors: reader.servers.map(({ name }, i) => {
      return { name, control: `10.80.${11 + i}.2:7080` };
    }),
    services: [{ name: 'web', vip: [VIP4, VIP6], port: 80 }],
    timing: options.timing,
  });
  return resolveConfig('/simulation.yaml', raw);
}

/** Where the distributor on server `number`'s host takes new connections. */
export function arrivalPrefixes(number: number): string[] {
  return [`10.81.${number}.128/25`, `fd81:${number}:0:0:8000::/65`];
}

/** Of the distributor on server `number`'s host. */
export function distributorConfig(number: number, options: ClusterOptions): Config {
  const reader = switchConfig(options);
  const addresses = arrivalPrefixes(number).map((text) => parsePrefix(text)!);
  return { ...reader, name: `server${number}`, switch: { ...reader.switch!, addresses } };
}
