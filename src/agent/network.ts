// The only file of the agent that touches the host: addresses, routes, rules and kernel settings around
// its TUN, and the checks of what else would stop packets there.
//
//   client -> handoff prefix   a route into the TUN; no local address, or the kernel would answer RST
//   agent -> service prefix    all of it local (AnyIP): the server listens on it
//   server -> client           a rule leads what has a service address as its source into the TUN
//   agent -> client            comes out of the TUN with the VIP as source and is forwarded
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { formatAddress, formatPrefix, parseAddress } from '../config/address.ts';
import type { Prefix } from '../config/address.ts';
import { ethernetMtus, ip, readSysctl, tryIp, writeSysctl } from '../packet-io/iproute.ts';
import { deviceAddress } from './bindings.ts';
import * as traps from './traps.ts';
import type { Finding, LocalAddress } from './traps.ts';

const TABLE = '99';
/** Routes that stay when the TUN is gone: a dead agent is silent, and no service address gets out. */
const LAST_METRIC = '65535';
const MTU_LEAST = 1280;
const MTU_DEFAULT = 1500;

export interface AgentNetworkOptions {
  /** name of the TUN, which must be open */
  device: string;
  handoff: Prefix[];
  service: Prefix[];
  /** source addresses towards servers on other hosts, whose packets come back to the TUN */
  splice?: readonly Prefix[] | undefined;
}

type Setting = [name: string, wanted: string, why: string];

function family(prefix: Prefix): '-4' | '-6' {
  return prefix.network.length === 4 ? '-4' : '-6';
}

/** What the agent changed on this host, to be undone at its stop. */
export class AgentNetwork {
  readonly #options: AgentNetworkOptions;
  /** settings as they were, in the order in which they were changed */
  readonly #before: [name: string, was: string, is: string][] = [];

  constructor(options: AgentNetworkOptions) {
    this.#options = options;
  }

  /** Makes everything ready and returns what it had to mend, and what it could not. Throws with the way. */
  async setUp(): Promise<Finding[]> {
    const { device, handoff, service, splice = [] } = this.#options;
    const findings: Finding[] = [];
    // no link-local address, or the kernel would send its router solicitations to the workers
    await ip('link', 'set', device, 'addrgenmode', 'none');
    await ip('link', 'set', device, 'mtu', String(await smallestMtu(device)), 'up');
    // before the routes: when a device loses its last address the kernel flushes them
    for (const prefix of [...service, ...splice]) await addAddress(device, prefix);
    for (const [name, wanted, why] of this.#settings()) {
      findings.push(...(await this.#mend(name, wanted, why)));
    }
    for (const prefix of [...handoff, ...splice]) await leadIntoTun(device, prefix, 'main');
    for (const prefix of service) await routeService(device, prefix);
    findings.push(...(await checkSettings(device)), ...(await checkHandoff(handoff)));
    return findings;
  }

  /** Takes away what outlives the TUN, and puts settings back that nobody changed since. */
  async remove(): Promise<void> {
    const { handoff, service, splice = [] } = this.#options;
    for (const prefix of [...handoff, ...splice]) {
      await tryIp(family(prefix), 'route', 'del', ...blackhole(formatPrefix(prefix)));
    }
    for (const prefix of service) {
      await removeRules(prefix);
      await tryIp(family(prefix), 'route', 'del', ...blackhole('default'), 'table', TABLE);
      await tryIp(family(prefix), 'route', 'del', ...localRoute(prefix));
    }
    for (const [name, was, is] of this.#before.toReversed()) {
      if ((await readSysctl(name).catch(() => '')) === is) await writeSysctl(name, was);
    }
    this.#before.length = 0;
  }

  #settings(): Setting[] {
    const { device, service, splice = [] } = this.#options;
    const cookies = 'a SYN cookie answer would lose the options of replayed handshakes';
    const settings: Setting[] = [
      // the kernel that gets them is another host's when they are spliced
      ...(splice.length > 0 ? [] : [['net/ipv4/tcp_syncookies', '0', cookies] as Setting]),
      ['net/ipv4/ip_forward', '1', 'answers with the VIP as source are forwarded'],
      [`net/ipv4/conf/${device}/forwarding`, '1', 'answers with the VIP as source are forwarded'],
      [`net/ipv4/conf/${device}/rp_filter`, '2', 'the VIP is routed through no device here'],
    ];
    if ([...service, ...splice].some((prefix) => prefix.network.length === 16)) {
      const why = 'answers with the VIP as source are forwarded';
      settings.push(['net/ipv6/conf/all/forwarding', '1', why]);
      settings.push([`net/ipv6/conf/${device}/accept_ra`, '0', 'the TUN has no router']);
    }
    return settings;
  }

  async #mend(name: string, wanted: string, why: string): Promise<Finding[]> {
    const value = await readSysctl(name);
    if (value === wanted) return [];
    const isOwn = name.includes(`/${this.#options.device}/`);
    try {
      await writeSysctl(name, wanted);
    } catch {
      return [traps.finding(name, value, wanted, why, false)];
    }
    if (isOwn) return [];
    this.#before.push([name, value, wanted]);
    return [traps.finding(name, value, wanted, why, true)];
  }
}

/** What the server sends leaves the host by an Ethernet link: the TUN must not promise it more. */
async function smallestMtu(device: string): Promise<number> {
  const smallest = Math.min(...(await ethernetMtus(device)));
  return Number.isFinite(smallest) ? Math.max(MTU_LEAST, smallest) : MTU_DEFAULT;
}

/** Loose reverse path filtering drops everything on a device without an IPv4 address. */
async function addAddress(device: string, service: Prefix): Promise<void> {
  const address = formatAddress(deviceAddress(service));
  const [length, rest] = service.network.length === 4 ? [32, []] : [128, ['nodad']];
  await ip(family(service), 'addr', 'replace', `${address}/${length}`, 'dev', device, ...rest);
}

async function leadIntoTun(device: string, prefix: Prefix, table: string): Promise<void> {
  const text = table === 'main' ? formatPrefix(prefix) : 'default';
  const rest = ['table', table];
  await ip(family(prefix), 'route', 'replace', ...blackhole(text), ...rest);
  await ip(family(prefix), 'route', 'replace', text, 'dev', device, ...rest);
}

async function routeService(device: string, prefix: Prefix): Promise<void> {
  await ip(family(prefix), 'route', 'replace', ...localRoute(prefix));
  await leadIntoTun(device, prefix, TABLE);
  // never a moment without it: connections of an earlier run may be sending with a service address
  const before = await ip(family(prefix), 'rule', 'show', 'pref', TABLE);
  if (!before.includes(`from ${formatPrefix(prefix)} lookup ${TABLE}`)) {
    await ip(family(prefix), 'rule', 'add', ...rule(prefix));
  }
}

/** `rule add` adds a second one of the same text: all that an earlier run left go. */
async function removeRules(prefix: Prefix): Promise<void> {
  while (await tryIp(family(prefix), 'rule', 'del', ...rule(prefix)));
}

function rule(prefix: Prefix): string[] {
  return ['from', formatPrefix(prefix), 'lookup', TABLE, 'pref', TABLE];
}

function localRoute(prefix: Prefix): string[] {
  return ['local', formatPrefix(prefix), 'dev', 'lo'];
}

function blackhole(destination: string): string[] {
  return ['blackhole', destination, 'metric', LAST_METRIC];
}

/** What the kernel's settings and firewall do to packets of this device. */
async function checkSettings(device: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, wanted, why] of traps.OPERATOR_SETTINGS) {
    const value = await readSysctl(name).catch(() => wanted);
    if (value !== wanted) findings.push(traps.finding(name, value, wanted, why, false));
  }
  const own = await readSysctl(`net/ipv4/conf/${device}/rp_filter`);
  const all = await readSysctl('net/ipv4/conf/all/rp_filter');
  findings.push(...traps.filterFindings(device, own, all));
  return findings.concat(traps.firewallFindings(await nftRuleset()));
}

/** The rules in force; empty without nft, or when it may not be asked. */
async function nftRuleset(): Promise<string> {
  try {
    return (await promisify(execFile)('nft', ['list', 'ruleset'])).stdout;
  } catch {
    return '';
  }
}

interface LinkAddresses {
  ifname: string;
  addr_info?: { local?: string }[];
}

async function localAddresses(): Promise<LocalAddress[]> {
  const links = JSON.parse(await ip('-j', 'addr', 'show')) as LinkAddresses[];
  return links.flatMap(({ ifname: device, addr_info: addresses = [] }) =>
    addresses.flatMap(({ local = '' }) => {
      const address = parseAddress(local);
      return address ? [{ device, address }] : [];
    }),
  );
}

/** What is wrong with VIPs that switches told: they must not be local, and some route must lead to them. */
export async function checkVips(vips: Uint8Array[]): Promise<Finding[]> {
  const local = await localAddresses();
  const findings: Finding[] = [];
  for (const vip of vips) {
    const text = formatAddress(vip);
    const found = local.find(({ address }) => formatAddress(address) === text);
    if (found) findings.push(traps.localVip(vip, found));
    // IPv6 has no reverse path filter
    else if (vip.length === 4 && !(await tryIp('route', 'get', text)))
      findings.push(traps.unroutedVip(vip));
  }
  return findings;
}

/** Local addresses where handed-off connections should come in. */
export async function checkHandoff(prefixes: Prefix[]): Promise<Finding[]> {
  return traps.localHandoffs(prefixes, await localAddresses());
}
