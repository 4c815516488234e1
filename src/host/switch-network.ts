import { formatPrefix, type Prefix } from '../config/address.ts';
import { ethernetMtus, ip, mtuLimit, tryIp, writeSysctl } from '../packet-io/iproute.ts';

/** Packets that the device keeps while its worker does not get the processor: 20 ms of 100,000/s. */
const QUEUE = 2000;

// Reverse-path filtering in loose mode drops everything on a device without an IPv4 address. RFC 7600
// reserves this one for hosts that need any address at all.
const DUMMY_ADDRESS = '192.0.0.8/32';
// A switch that dies falls silent: without its TUN the VIP's packets end here, instead of an error that
// would break the clients' connections. The route to the TUN wins by its smaller metric.
const BLACKHOLE_METRIC = '65535';
const MTU_LEAST = 1500;
const MTU_MOST = 9216;

async function largestMtu(device: string): Promise<number> {
  const most = Math.min(MTU_MOST, await mtuLimit(device));
  return Math.min(most, Math.max(MTU_LEAST, ...(await ethernetMtus(device))));
}

function routeArguments({ network }: Prefix): string[] {
  return [network.length === 4 ? '-4' : '-6', 'route'];
}

/** Leads packets to the VIPs, or to a distributor's own addresses, into the TUN, which must be open. */
export async function setUpSwitchNetwork(device: string, prefixes: Prefix[]): Promise<void> {
  await allowForwarding(device, prefixes);
  // no link-local address, or the kernel would send its router solicitations to the workers
  await ip('link', 'set', device, 'addrgenmode', 'none');
  const mtu = String(await largestMtu(device));
  await ip('link', 'set', device, 'mtu', mtu, 'txqueuelen', String(QUEUE), 'up');
  await ip('addr', 'replace', DUMMY_ADDRESS, 'dev', device);
  await routePrefixes(device, prefixes);
}

/** Checks by handoff are clients of the VIP on this very host: their packets come out of the TUN again. */
export async function acceptOwnClients(device: string): Promise<void> {
  await writeSysctl(`net/ipv4/conf/${device}/accept_local`, 1);
}

/** Adds some to a network that was set up. */
export async function addPrefixes(device: string, prefixes: Prefix[]): Promise<void> {
  await allowForwarding(device, prefixes);
  await routePrefixes(device, prefixes);
}

async function allowForwarding(device: string, prefixes: Prefix[]): Promise<void> {
  const wanted: [string, number][] = [
    ['net/ipv4/ip_forward', 1],
    [`net/ipv4/conf/${device}/rp_filter`, 2],
    [`net/ipv4/conf/${device}/forwarding`, 1],
  ];
  if (prefixes.some(({ network }) => network.length === 16)) {
    wanted.push(['net/ipv6/conf/all/forwarding', 1], [`net/ipv6/conf/${device}/accept_ra`, 0]);
  }
  for (const [name, value] of wanted) await writeSysctl(name, value);
}

async function routePrefixes(device: string, prefixes: Prefix[]): Promise<void> {
  for (const prefix of prefixes) {
    const blackhole = ['blackhole', formatPrefix(prefix), 'metric', BLACKHOLE_METRIC];
    await ip(...routeArguments(prefix), 'replace', ...blackhole);
    await ip(...routeArguments(prefix), 'replace', formatPrefix(prefix), 'dev', device);
  }
}

/** Removes what stays when the TUN is closed; with `device` also what ends with it. */
export async function removeSwitchNetwork(prefixes: Prefix[], device?: string): Promise<void> {
  for (const prefix of prefixes) {
    if (device !== undefined) {
      await tryIp(...routeArguments(prefix), 'del', formatPrefix(prefix), 'dev', device);
    }
    const blackhole = ['blackhole', formatPrefix(prefix), 'metric', BLACKHOLE_METRIC];
    await tryIp(...routeArguments(prefix), 'del', ...blackhole);
  }
}
