// The lab's plan as data: hosts, links, addresses, routes, rules and kernel settings. Nothing here runs.
//
//   client ─── router ─── switch        VIP 192.0.2.80, 2001:db8:80::80: routed to the switch
//                 ├────── switch2       VIPs of its own, or those of `switch` on a link with it
//                 ├────── dispatcher    if the lab has a dispatcher for all
//                 ├────── server1        handoff addresses of server i: routed to server i
//                 └────── serverN
//
// Requests go client → router → switch → router → server; replies go server → router → client.
import type { Front } from '../config/choices.ts';
import type {
  Bridge,
  DispatcherPlan,
  HostPlan,
  Link,
  ServerPlan,
  SwitchPlan,
  Topology,
} from './plan.ts';

export type * from './plan.ts';

export const VIP4 = '192.0.2.80';
export const VIP6 = '2001:db8:80::80';
export const VIP_PORT = 80;
export const AGENT_PORT = 7080;
export const DISPATCHER_PORT = 7081;
/** Where switches of one group reach each other. */
export const SWITCH_PORT = 7082;
export const SERVER_PORT = 80;
/** Of the TLS service, at the VIP and on the servers: nginx's only. */
export const TLS_PORT = 443;
export const SERVER_LIMIT = 64;
export const SWITCH_LIMIT = 8;

/** The router's next hop for the VIPs when switches stand in for each other: never a VIP itself. */
export const NEXT_HOP = ['10.80.2.254', 'fd80:2::fe'] as const;

/** Prefixes routed to the client's host, so that a test there can speak as many clients. */
export const CLIENT_PREFIXES = ['198.51.100.0/24', '203.0.113.0/24', '2001:db8:51::/48'];

const CLIENT_ROUTER = ['10.80.1.1', 'fd80:1::1'] as const;
export const CLIENT = ['10.80.1.2', 'fd80:1::2'] as const;
const CLIENT_LINK = ['10.80.1.0/24', 'fd80:1::/64'];

export function isIpv6(address: string): boolean {
  return address.includes(':');
}

function checkCount(what: string, count: number, limit: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= limit) return;
  throw new RangeError(`a lab has 1 to ${limit} ${what}, not ${count}`);
}

export interface PlanOptions {
  /** of several switches; `apart` when omitted */
  front?: Front | undefined;
  /** a host of its own for the dispatcher */
  dispatcher?: boolean | undefined;
  /** so many of the servers, the last ones, have no agent */
  spliced?: number | undefined;
}

/** The lab with that many hosts. Throws a RangeError when there can be no such lab. */
export function planTopology(
  serverCount: number,
  switchCount = 1,
  { front = 'apart', dispatcher = false, spliced = 0 }: PlanOptions = {},
): Topology {
  checkCount('servers', serverCount, SERVER_LIMIT);
  checkCount('switches', switchCount, SWITCH_LIMIT);
  const switches = Array.from({ length: switchCount }, (_, index) => planSwitch(index + 1, front));
  const servers = Array.from({ length: serverCount }, (_, index) =>
    planServer(index + 1, index >= serverCount - spliced),
  );
  const dispatchers = dispatcher ? [DISPATCHER] : [];
  const bridges = front === 'apart' ? [] : [planBridge(switches)];
  const hidden = hiddenPrefixes([...switches, ...dispatchers, ...servers]);
  const hosts = [
    planClient(),
    planRouter(switches, servers, hidden, front),
    ...switches.map(({ name }, index) =>
      planEdge(name, 'switch', switchGateways(front === 'apart' ? index + 1 : 1)),
    ),
    ...dispatchers.map(({ name }) => planEdge(name, 'dispatcher', DISPATCHER_GATEWAYS)),
    ...servers.map((server, index) => planEdge(server.name, 'server', serverGateways(index + 1))),
  ];
  const links = [
    planLink('client', CLIENT, CLIENT_ROUTER),
    ...switches.map(({ name, address, address6 }, index) =>
      planLink(name, [address, address6], front === 'apart' ? switchGateways(index + 1) : []),
    ),
    ...dispatchers.map(({ name, address, address6 }) =>
      planLink(name, [address, address6], DISPATCHER_GATEWAYS),
    ),
    ...servers.map((server, index) =>
      planLink(server.name, [server.address, server.address6], serverGateways(index + 1)),
    ),
  ];
  return { hosts, links, bridges, front, switches, dispatchers, servers, hidden };
}

const DISPATCHER: DispatcherPlan = {
  name: 'dispatcher',
  address: '10.80.10.2',
  address6: 'fd80:10::2',
};
const DISPATCHER_GATEWAYS = ['10.80.10.1', 'fd80:10::1'] as const;

/**
 * Apart, switch n has the n-th block of 16 addresses from 192.0.2.80 on, and 2001:db8:80::/64 and so on;
 * otherwise all have the first.
 */
function planSwitch(number: number, front: Front): SwitchPlan {
  const isApart = front === 'apart';
  const block = isApart ? number : 1;
  const vip = VIP4.replace(/\d+$/, String(80 + 16 * (block - 1)));
  const network6 = `2001:db8:${79 + block}::`;
  return {
    name: number === 1 ? 'switch' : `switch${number}`,
    address: isApart ? `10.80.${1 + number}.2` : `10.80.2.${1 + number}`,
    address6: isApart ? `fd80:${1 + number}::2` : `fd80:2::${1 + number}`,
    vip,
    vip6: `${network6}80`,
    vips: [`${vip}/28`, `${network6}/64`],
    source: [`10.83.${number}.0/24`, `fd83:${number}::/64`],
  };
}

/** Switches with the same VIPs share a link, so that one can take over the other's address there. */
function planBridge(switches: SwitchPlan[]): Bridge {
  const addresses = withLength(switchGateways(1));
  return { host: 'router', device: 'switches', ports: switches.map(({ name }) => name), addresses };
}

function switchGateways(number: number): readonly [string, string] {
  return [`10.80.${1 + number}.1`, `fd80:${1 + number}::1`];
}

function planServer(number: number, isSpliced: boolean): ServerPlan {
  return {
    name: `server${number}`,
    address: `10.80.${10 + number}.2`,
    address6: `fd80:${10 + number}::2`,
    handoff: [`10.81.${number}.0/24`, `fd81:${number}::/64`],
    service: [`10.82.${number}.0/24`, `fd82:${number}::/64`],
    isSpliced,
  };
}

function serverGateways(number: number): readonly [string, string] {
  return [`10.80.${10 + number}.1`, `fd80:${10 + number}::1`];
}

type AddressPair = readonly [ipv4: string, ipv6: string];

function withLength(addresses: readonly string[]): string[] {
  return addresses.map((address) => `${address}/${isIpv6(address) ? 64 : 24}`);
}

function planLink(host: string, own: AddressPair, routers: readonly string[]): Link {
  return {
    ends: [
      { host, device: 'eth0', addresses: withLength(own) },
      { host: 'router', device: host, addresses: withLength(routers) },
    ],
  };
}

type PlacedHost = Pick<ServerPlan, 'address' | 'address6'>;

// The hosts' own subnets are the control network
function hiddenPrefixes(hosts: PlacedHost[]): string[] {
  const subnets = hosts.flatMap(({ address, address6 }) => [
    address.replace(/\d+$/, '0/24'),
    address6.replace(/::\d+$/, '::/64'),
  ]);
  return [...new Set(subnets), ...HANDED_PREFIXES];
}

const HANDED_PREFIXES = ['10.81', '10.82', '10.83'].flatMap((start) => [
  `${start}.0.0/16`,
  `fd${start.slice(3)}::/16`,
]);

function planClient(): HostPlan {
  return {
    name: 'client',
    kind: 'client',
    routes: [
      ...defaultRoutes(CLIENT_ROUTER),
      // Without a taker of such an address its packets end here, instead of circling by the default
      // route; whoever takes one (an address, a route to a TUN) wins by the smaller metric.
      ...CLIENT_PREFIXES.map((prefix) => `blackhole ${prefix} metric 65535`),
    ],
    rules: [],
    settings: KERNEL_SETTINGS,
  };
}

function planRouter(
  switches: SwitchPlan[],
  servers: ServerPlan[],
  hidden: string[],
  front: Front,
): HostPlan {
  const routes = [
    ...vipRoutes(switches, front),
    ...CLIENT_PREFIXES.map((prefix) => `${prefix} via ${isIpv6(prefix) ? CLIENT[1] : CLIENT[0]}`),
    ...servers.flatMap((server) => prefixRoutes(server.handoff, server)),
    // what servers without an agent answer goes back through the switch
    ...switches.flatMap((plan) => prefixRoutes(plan.source, plan)),
  ];
  return {
    name: 'router',
    kind: 'router',
    routes,
    rules: filterRules(hidden),
    settings: [...KERNEL_SETTINGS, ...(front === 'ecmp' ? BY_PORTS : [])],
  };
}

function prefixRoutes(prefixes: string[], { address, address6 }: PlacedHost): string[] {
  return prefixes.map((prefix) => `${prefix} via ${isIpv6(prefix) ? address6 : address}`);
}

function vipRoutes(switches: SwitchPlan[], front: Front): string[] {
  const ways = switches.map(({ vips, address, address6 }) =>
    vips.map((prefix) => ({ prefix, via: isIpv6(prefix) ? address6 : address })),
  );
  if (front === 'apart') return ways.flat().map(({ prefix, via }) => `${prefix} via ${via}`);
  const [first = []] = ways;
  return first.map(({ prefix }, index) => {
    if (front === 'spare') return `${prefix} via ${NEXT_HOP[isIpv6(prefix) ? 1 : 0]}`;
    return `${prefix} ${ways.map((of) => `nexthop via ${of[index]!.via}`).join(' ')}`;
  });
}

// Equal routes are chosen among by addresses alone otherwise, and the lab has one client
const BY_PORTS: [string, string][] = [
  ['net/ipv4/fib_multipath_hash_policy', '1'],
  ['net/ipv6/fib_multipath_hash_policy', '1'],
];

// A rule that says `blackhole` drops without a word, where `prohibit` would answer with an ICMP error.
// Inwards it hides the prefixes; outwards it keeps ICMP errors of the hosts in them from the client.
function filterRules(prefixes: string[]): string[] {
  const clients = [...CLIENT_LINK, ...CLIENT_PREFIXES];
  return prefixes.flatMap((prefix) => [
    `iif client to ${prefix} blackhole pref 100`,
    ...clients
      .filter((client) => isIpv6(client) === isIpv6(prefix))
      .map((client) => `from ${prefix} to ${client} blackhole pref 101`),
  ]);
}

function planEdge(name: string, kind: HostPlan['kind'], gateways: AddressPair): HostPlan {
  return {
    name,
    kind,
    routes: defaultRoutes(gateways),
    rules: [],
    // Cookies of the server's kernel would lose window scale and SACK in a replay (TSecr is 0 there).
    settings: [
      ...KERNEL_SETTINGS,
      ['net/ipv4/tcp_syncookies', kind === 'server' ? '0' : '1'],
      // where the lab has one user alone, a web server listens as an ordinary one
      ['net/ipv4/ip_unprivileged_port_start', '0'],
    ],
  };
}

function defaultRoutes(gateways: AddressPair): string[] {
  return gateways.map((gateway) => `default via ${gateway}`);
}

// Strict reverse-path filters kill one-way paths: the VIP's packets come from the servers' side, the
// client's leave the switch's TUN. New devices of a namespace take what `default` says.
const KERNEL_SETTINGS: [string, string][] = [
  ...['all', 'default'].flatMap((scope): [string, string][] => [
    [`net/ipv4/conf/${scope}/rp_filter`, '0'],
    [`net/ipv4/conf/${scope}/send_redirects`, '0'],
    [`net/ipv4/conf/${scope}/accept_redirects`, '0'],
    [`net/ipv6/conf/${scope}/disable_ipv6`, '0'],
    [`net/ipv6/conf/${scope}/accept_dad`, '0'],
    [`net/ipv6/conf/${scope}/accept_ra`, '0'],
  ]),
  ['net/ipv4/ip_forward', '1'],
  ['net/ipv6/conf/all/forwarding', '1'],
];
