import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_HEADER_SIZE,
  IPV4_TTL,
} from '../../assembly/wire/ipv4.ts';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE, IPV6_HOP_LIMIT } from '../../assembly/wire/ipv6.ts';
import { TCP_CHECKSUM, TCP_DESTINATION_PORT } from '../../assembly/wire/tcp.ts';
import { VNET_FLAGS, VNET_NEEDS_CSUM } from '../../assembly/wire/vnet.ts';
import { foldSum, sumWords } from './checksum.ts';

const HOPS = 64;

/**
 * A copy of a TCP packet that goes to another address (of the same family) and port, hops 64,
 * checksums right: what the core does to packets of an entry in FORWARD, for the few that control
 * sends on.
 * With NEEDS_CSUM in `vnet` the TCP checksum field holds the pseudo header's sum only.
 */
export function redirectPacket(
  packet: Uint8Array,
  vnet: Uint8Array,
  address: Uint8Array,
  port: number,
): Uint8Array {
  const bytes = packet.slice();
  const view = new DataView(bytes.buffer);
  const six = address.length === 16;
  const tcp = six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE;
  const at = six ? IPV6_DESTINATION : IPV4_DESTINATION;
  const addresses = change(bytes.subarray(at, at + address.length), address);
  const ports = 0xffff - view.getUint16(tcp + TCP_DESTINATION_PORT) + port;
  bytes.set(address, at);
  view.setUint16(tcp + TCP_DESTINATION_PORT, port);
  const field = view.getUint16(tcp + TCP_CHECKSUM);
  if ((vnet[VNET_FLAGS]! & VNET_NEEDS_CSUM) !== 0) {
    view.setUint16(tcp + TCP_CHECKSUM, foldSum(field + addresses));
  } else {
    // RFC 1624, equation 3
    const sum = foldSum((~field & 0xffff) + addresses + ports);
    view.setUint16(tcp + TCP_CHECKSUM, ~sum & 0xffff);
  }
  bytes[six ? IPV6_HOP_LIMIT : IPV4_TTL] = HOPS;
  if (!six) {
    view.setUint16(IPV4_CHECKSUM, 0);
    view.setUint16(IPV4_CHECKSUM, ~foldSum(sumWords(bytes, 0, IPV4_HEADER_SIZE)) & 0xffff);
  }
  return bytes;
}

/** What to add to a one's complement sum when these words replace those. */
function change(before: Uint8Array, after: Uint8Array): number {
  const words = before.length / 2;
  return words * 0xffff - sumWords(before) + sumWords(after);
}
