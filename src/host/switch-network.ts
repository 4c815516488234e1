import { formatAddress } from '../config/address.ts';
import { ethernetMtus, ip, tryIp, writeSysctl } from '../packet-io/iproute.ts';

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
  return Math.min(MTU_MOST, Math.max(MTU_LEAST, ...(await ethernetMtus(device))));
}

function routeArguments(vip: Uint8Array): string[] {
  return [vip.length === 4 ? '-4' : '-6', 'route'];
}

function prefixOf(vip: Uint8Array): string {
  return `${formatAddress(vip)}/${vip.length * 8}`;
}

/** Leads the packets of the VIPs into the switch's TUN, which must be open. */
export async function setUpSwitchNetwork(device: string, vips: Uint8Array[]): Promise<void> {
  await allowForwarding(device, vips);
  // no link-local address, or the kernel would send its router solicitations to the workers
  await ip('link', 'set', device, 'addrgenmode', 'none');
  const mtu = String(await largestMtu(device));
  await ip('link', 'set', device, 'mtu', mtu, 'txqueuelen', String(QUEUE), 'up');
  await ip('addr', 'replace', DUMMY_ADDRESS, 'dev', device);
  await routeVips(device, vips);
}

/** Adds VIPs to a network that was set up. */
export async function addVips(device: string, vips: Uint8Array[]): Promise<void> {
  await allowForwarding(device, vips);
  await routeVips(device, vips);
}

async function allowForwarding(device: string, vips: Uint8Array[]): Promise<void> {
  const wanted: [string, number][] = [
    ['net/ipv4/ip_forward', 1],
    [`net/ipv4/conf/${device}/rp_filter`, 2],
    [`net/ipv4/conf/${device}/forwarding`, 1],
  ];
  if (vips.some((vip) => vip.length === 16)) {
    wanted.push(['net/ipv6/conf/all/forwarding', 1], [`net/ipv6/conf/${device}/accept_ra`, 0]);
  }
  for (const [name, value] of wanted) await writeSysctl(name, value);
}

async function routeVips(device: string, vips: Uint8Array[]): Promise<void> {
  for (const vip of vips) {
    const blackhole = ['blackhole', prefixOf(vip), 'metric', BLACKHOLE_METRIC];
    await ip(...routeArguments(vip), 'replace', ...blackhole);
    await ip(...routeArguments(vip), 'replace', prefixOf(vip), 'dev', device);
  }
}

/** Removes what stays when the TUN is closed; with `device` also what ends with it. */
export async function removeSwitchNetwork(vips: Uint8Array[], device?: string): Promise<void> {
  for (const vip of vips) {
    if (device !== undefined) {
      await tryIp(...routeArguments(vip), 'del', prefixOf(vip), 'dev', device);
    }
    const blackhole = ['blackhole', prefixOf(vip), 'metric', BLACKHOLE_METRIC];
    await tryIp(...routeArguments(vip), 'del', ...blackhole);
  }
}
