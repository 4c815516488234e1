// The lab's plan as data: hosts, links, addresses, routes, rules and kernel settings. Nothing here runs.
//
//   client ─── router ─── switch        VIP 192.0.2.80, 2001:db8:80::80: routed to the switch
//                 ├────── switch2       VIPs of its own, if the lab has several switches
//                 ├────── server1        handoff addresses of server i: routed to server i
//                 └────── serverN
//
// Requests go client → router → switch → router → server; replies go server → router → client.

export const VIP4 = '192.0.2.80';
export const VIP6 = '2001:db8:80::80';
export const VIP_PORT = 80;
export const AGENT_PORT = 7080;
export const SERVER_PORT = 80;
/** Of the TLS service, at the VIP and on the servers: nginx's only. */
export const TLS_PORT = 443;
export const SERVER_LIMIT = 64;
export const SWITCH_LIMIT = 8;

/** Prefixes routed to the client's host, so that a test there can speak as many clients. */
export const CLIENT_PREFIXES = ['198.51.100.0/24', '203.0.113.0/24', '2001:db8:51::/48'];

/** One end of a link, with its addresses in prefix notation. */
export interface LinkEnd {
  host: string;
  device: string;
  addresses: string[];
}

/** A veth pair. */
export interface Link {
  ends: [LinkEnd, LinkEnd];
}

export interface HostPlan {
  name: string;
  kind: 'client' | 'router' | 'switch' | 'server';
  /** what follows `ip route add` and `ip -6 route add` */
  routes: string[];
  /** what follows `ip rule add` and `ip -6 rule add`, besides the kernel's own three */
  rules: string[];
  /** kernel settings, below /proc/sys */
  settings: [name: string, value: string][];
}

/** A switch and its VIPs. */
export interface SwitchPlan {
  name: string;
  address: string;
  address6: string;
  /** the VIP of its web service */
  vip: string;
  vip6: string;
  /** routed to it: more VIPs may be taken from there */
  vips: string[];
}

/** What the configuration of a server's agent and of the switch need to know. */
export interface ServerPlan {
  name: string;
  address: string;
  address6: string;
  handoff: string[];
  service: string[];
}

export interface Topology {
  hosts: HostPlan[];
  links: Link[];
  /** the first is `switch`, the others are `switch2` and so on */
  switches: SwitchPlan[];
  servers: ServerPlan[];
  /** prefixes that the router keeps from the client, both ways */
  hidden: string[];
}

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

/** The lab with that many hosts. Throws a RangeError when there can be no such lab. */
export function planTopology(serverCount: number, switchCount = 1): Topology {
  checkCount('servers', serverCount, SERVER_LIMIT);
  checkCount('switches', switchCount, SWITCH_LIMIT);
  const switches = Array.from({ length: switchCount }, (_, index) => planSwitch(index + 1));
  const servers = Array.from({ length: serverCount }, (_, index) => planServer(index + 1));
  const hosts = [
    planClient(),
    planRouter(switches, servers),
    ...switches.map(({ name }, index) => planEdge(name, 'switch', switchGateways(index + 1))),
    ...servers.map((server, index) => planEdge(server.name, 'server', serverGateways(index + 1))),
  ];
  const links = [
    planLink('client', CLIENT, CLIENT_ROUTER),
    ...switches.map(({ name, address, address6 }, index) =>
      planLink(name, [address, address6], switchGateways(index + 1)),
    ),
    ...servers.map((server, index) =>
      planLink(server.name, [server.address, server.address6], serverGateways(index + 1)),
    ),
  ];
  return { hosts, links, switches, servers, hidden: hiddenPrefixes(switches, servers) };
}

/** Switch n has the n-th block of 16 addresses from 192.0.2.80 on, and 2001:db8:80::/64 and so on. */
function planSwitch(number: number): SwitchPlan {
  const vip = VIP4.replace(/\d+$/, String(80 + 16 * (number - 1)));
  const network6 = `2001:db8:${79 + number}::`;
  return {
    name: number === 1 ? 'switch' : `switch${number}`,
    address: `10.80.${1 + number}.2`,
    address6: `fd80:${1 + number}::2`,
    vip,
    vip6: `${network6}80`,
    vips: [`${vip}/28`, `${network6}/64`],
  };
}

function switchGateways(number: number): readonly [string, string] {
  return [`10.80.${1 + number}.1`, `fd80:${1 + number}::1`];
}

function planServer(number: number): ServerPlan {
  return {
    name: `server${number}`,
    address: `10.80.${10 + number}.2`,
    address6: `fd80:${10 + number}::2`,
    handoff: [`10.81.${number}.0/24`, `fd81:${number}::/64`],
    service: [`10.82.${number}.0/24`, `fd82:${number}::/64`],
  };
}

function serverGateways(number: number): readonly [string, string] {
  return [`10.80.${10 + number}.1`, `fd80:${10 + number}::1`];
}

type AddressPair = readonly [ipv4: string, ipv6: string];

function planLink(host: string, own: AddressPair, routers: AddressPair): Link {
  const withLength = ([ipv4, ipv6]: AddressPair) => [`${ipv4}/24`, `${ipv6}/64`];
  return {
    ends: [
      { host, device: 'eth0', addresses: withLength(own) },
      { host: 'router', device: host, addresses: withLength(routers) },
    ],
  };
}

// The switches' own subnets are the control network
function hiddenPrefixes(switches: SwitchPlan[], servers: ServerPlan[]): string[] {
  const subnets = [...switches, ...servers].flatMap(({ address, address6 }) => [
    address.replace(/\d+$/, '0/24'),
    address6.replace(/::2$/, '::/64'),
  ]);
  return [...subnets, ...HANDED_PREFIXES];
}

const HANDED_PREFIXES = ['10.81.0.0/16', 'fd81::/16', '10.82.0.0/16', 'fd82::/16'];

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

function planRouter(switches: SwitchPlan[], servers: ServerPlan[]): HostPlan {
  const routes = [
    ...switches.flatMap(({ vips, address, address6 }) =>
      vips.map((prefix) => `${prefix} via ${isIpv6(prefix) ? address6 : address}`),
    ),
    ...CLIENT_PREFIXES.map((prefix) => `${prefix} via ${isIpv6(prefix) ? CLIENT[1] : CLIENT[0]}`),
    ...servers.flatMap(({ handoff, address, address6 }) =>
      handoff.map((prefix) => `${prefix} via ${isIpv6(prefix) ? address6 : address}`),
    ),
  ];
  return {
    name: 'router',
    kind: 'router',
    routes,
    rules: filterRules(hiddenPrefixes(switches, servers)),
    settings: KERNEL_SETTINGS,
  };
}

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

function planEdge(name: string, kind: 'switch' | 'server', gateways: AddressPair): HostPlan {
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
