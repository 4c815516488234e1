// What stops handed-off connections on a server's host, each seen to do so; found here, with its mend.
import { formatAddress, formatPrefix, prefixContains } from '../config/address.ts';
import type { Prefix } from '../config/address.ts';

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
export const OPERATOR_SETTINGS: [name: string, wanted: string, why: string][] = [
  ['net/ipv4/tcp_rfc1337', '0', 'a reset must end TIME-WAIT when a client uses its port again'],
  ['net/ipv4/tcp_window_scaling', '1', 'clients scale their windows'],
  ['net/ipv4/tcp_timestamps', '1', 'clients that use timestamps expect them'],
];

/** Reverse path filtering of the device and of all: the larger counts, and only 1 is strict. */
export function filterFindings(device: string, own: string, all: string): Finding[] {
  if (Math.max(Number(own), Number(all)) !== 1) return [];
  const name = `net/ipv4/conf/${own === '1' ? device : 'all'}/rp_filter`;
  return [finding(name, '1', '2', 'the VIP is routed through no device here', false)];
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

/** An address of this host. */
export interface LocalAddress {
  device: string;
  address: Uint8Array;
}

/** A VIP that is local: the kernel takes its packets as its own, or for forged. */
export function localVip(vip: Uint8Array, { device }: LocalAddress): Finding {
  const text = formatAddress(vip);
  return {
    what: `VIP ${text}`,
    value: `an address of ${device}`,
    wanted: 'no local address',
    why: 'packets with a local source that come from a device are dropped',
    mend: `ip addr del ${text}/${vip.length * 8} dev ${device}`,
    mended: false,
  };
}

/** A VIP without a route: loose reverse path filtering wants one, whichever. */
export function unroutedVip(vip: Uint8Array): Finding {
  const text = formatAddress(vip);
  return {
    what: `VIP ${text}`,
    value: 'without a route',
    wanted: 'any route, such as the default route',
    why: 'reverse path filtering drops what has it as source',
    mend: `ip route add ${text} via ROUTER`,
    mended: false,
  };
}

/** Local addresses within a handoff prefix: the kernel answers their packets with RST. */
export function localHandoffs(prefixes: Prefix[], local: LocalAddress[]): Finding[] {
  return local.flatMap(({ device, address }) => {
    const prefix = prefixes.find((each) => prefixContains(each, address));
    if (!prefix) return [];
    const text = formatAddress(address);
    return [
      {
        what: `handoff prefix ${formatPrefix(prefix)}`,
        value: `not free: ${text} is an address of ${device}`,
        wanted: 'no local address',
        why: 'the kernel would answer RST for it',
        mend: `ip addr del ${text}/${address.length * 8} dev ${device}`,
        mended: false,
      },
    ];
  });
}
