// What stops handed-off connections on a server's host, each seen to do so; found here, with its mend.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { formatAddress, formatPrefix, prefixContains, parseAddress } from '../config/address.ts';
import type { Prefix } from '../config/address.ts';
import { ip, readSysctl, tryIp } from '../packet-io/iproute.ts';

/** Something on this host that is not as the agent needs it. */
export interface Finding {
  /** a kernel setting, an address, a firewall rule */
  what: string;
  value: string;
  wanted: string;
  /** why it matters */
  why: string;
  /** command that mends it */
  mend: string;
  /** done already, at the start */
  mended: boolean;
}

/** A kernel setting; `name` with slashes. */
export function finding(
  name: string,
  value: string,
  wanted: string,
  why: string,
  mended: boolean,
): Finding {
  const what = name.replaceAll('/', '.');
  return { what, value, wanted, why, mend: `sysctl -w ${what}=${wanted}`, mended };
}

/** One line for an operator. */
export function findingText({ what, value, wanted, why, mend, mended }: Finding): string {
  const verb = mended ? 'was' : 'is';
  return `${what} ${verb} ${value}, wanted ${wanted} (${why}): ${mended ? 'set' : mend}`;
}

/** Settings that belong to the operator: never changed, only told. */
const WANTED: [name: string, wanted: string, why: string][] = [
  ['net/ipv4/tcp_rfc1337', '0', 'a reset must end TIME-WAIT when a client uses its port again'],
  ['net/ipv4/tcp_window_scaling', '1', 'clients scale their windows'],
  ['net/ipv4/tcp_timestamps', '1', 'clients that use timestamps expect them'],
];

/** What the kernel's settings and firewall do to packets of this device. */
export async function checkSettings(device: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, wanted, why] of WANTED) {
    const value = await readSysctl(name).catch(() => wanted);
    if (value !== wanted) findings.push(finding(name, value, wanted, why, false));
  }
  // the larger of both counts
  const own = await readSysctl(`net/ipv4/conf/${device}/rp_filter`);
  const all = await readSysctl('net/ipv4/conf/all/rp_filter');
  if (Math.max(Number(own), Number(all)) === 1) {
    const name = own === '2' ? 'net/ipv4/conf/all/rp_filter' : `net/ipv4/conf/${device}/rp_filter`;
    findings.push(finding(name, '1', '2', 'the VIP is routed through no device here', false));
  }
  const ruleset = await nftRuleset();
  if (ruleset !== null) findings.push(...firewallFindings(ruleset));
  return findings;
}

/** The rules in force; null without nft, or when it may not be asked. */
async function nftRuleset(): Promise<string | null> {
  try {
    return (await promisify(execFile)('nft', ['list', 'ruleset'])).stdout;
  } catch {
    return null;
  }
}

/**
 * Rules that drop what connection tracking calls invalid: this host sees both directions of a connection
 * under different addresses. Harmless in some rule sets, so it is told and no more.
 */
export function firewallFindings(ruleset: string): Finding[] {
  const suspicious = /ct state [^\n]*\binvalid\b[^\n]*\b(drop|reject)\b/;
  return ruleset.split('\n').flatMap((line) => {
    if (!suspicious.test(line)) return [];
    return [
      {
        what: 'firewall rule',
        value: line.trim(),
        wanted: 'no connection tracking of handed-off connections',
        why: 'connection tracking sees half of a connection',
        mend: 'nft: notrack for the VIPs, the handoff and the service addresses in prerouting',
        mended: false,
      },
    ];
  });
}

interface LinkAddresses {
  ifname: string;
  addr_info?: { local?: string }[];
}

async function localAddresses(): Promise<{ device: string; address: Uint8Array }[]> {
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
    const what = `VIP ${text}`;
    const found = local.find(({ address }) => formatAddress(address) === text);
    if (found) {
      findings.push({
        what,
        value: `an address of ${found.device}`,
        wanted: 'no local address',
        why: 'packets with a local source that come from a device are dropped',
        mend: `ip addr del ${text}/${vip.length * 8} dev ${found.device}`,
        mended: false,
      });
    } else if (!(await tryIp('route', 'get', text))) {
      findings.push({
        what,
        value: 'without a route',
        wanted: 'any route, such as the default route',
        why: 'reverse path filtering drops what has it as source',
        mend: `ip route add ${text} via ROUTER`,
        mended: false,
      });
    }
  }
  return findings;
}

/** A local address within a handoff prefix: the kernel answers its packets with RST. */
export async function checkHandoff(prefixes: Prefix[]): Promise<Finding[]> {
  const local = await localAddresses();
  return local.flatMap(({ device, address }) => {
    const prefix = prefixes.find((each) => prefixContains(each, address));
    if (!prefix) return [];
    return [
      {
        what: `handoff prefix ${formatPrefix(prefix)}`,
        value: `${formatAddress(address)} is an address of ${device}`,
        wanted: 'no local address',
        why: 'the kernel would answer RST for it',
        mend: `ip addr del ${formatAddress(address)}/${address.length * 8} dev ${device}`,
        mended: false,
      },
    ];
  });
}
