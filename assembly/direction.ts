// Which way a packet goes at the agent, and which of its ends is whose.
import {
  HEADER_SERVICE_MASK4,
  HEADER_SERVICE_MASK6,
  HEADER_SERVICE_NETWORK4,
  HEADER_SERVICE_NETWORK6,
} from './layout';
import { Chain, KEY_LOCAL4, KEY_LOCAL6, KEY_SERVER4, KEY_SERVER6 } from './lookup/chain';
import { Splice } from './splice';
import { IPV4_DESTINATION, IPV4_HEADER_SIZE, IPV4_SOURCE } from './wire/ipv4';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE, IPV6_SOURCE } from './wire/ipv6';

const HIGH_HALF = 8;

export class Direction {
  /** Whether a packet is of the entry, going that way. */
  static matches(packet: usize, six: bool, reply: bool, copy: usize): bool {
    const client = Direction.client(packet, six, reply);
    const other = Direction.other(packet, six, reply);
    const ports = Direction.ports(packet, six, reply);
    if (six) {
      return reply
        ? Chain.matches(KEY_SERVER6, copy, client, other, ports)
        : Chain.matches(KEY_LOCAL6, copy, client, other, ports);
    }
    return reply
      ? Chain.matches(KEY_SERVER4, copy, client, other, ports)
      : Chain.matches(KEY_LOCAL4, copy, client, other, ports);
  }

  /**
   * From the server's kernel to the client: its source is one of our service addresses, or it comes
   * back to one of our splice addresses.
   */
  @inline
  static isReply(packet: usize, six: bool): bool {
    const end = packet + Direction.ownEnd(six);
    if (!six) {
      const mask = load<u32>(0, HEADER_SERVICE_MASK4);
      const network = load<u32>(0, HEADER_SERVICE_NETWORK4);
      return mask != 0 && (load<u32>(end) & mask) == network;
    }
    const low = load<u64>(0, HEADER_SERVICE_MASK6);
    const high = load<u64>(0, HEADER_SERVICE_MASK6 + HIGH_HALF);
    return (
      low != 0 &&
      (load<u64>(end) & low) == load<u64>(0, HEADER_SERVICE_NETWORK6) &&
      (load<u64>(end, HIGH_HALF) & high) == load<u64>(0, HEADER_SERVICE_NETWORK6 + HIGH_HALF)
    );
  }

  /** Where a reply has an address of ours. */
  @inline
  private static ownEnd(six: bool): usize {
    if (Splice.isOn()) return six ? IPV6_DESTINATION : IPV4_DESTINATION;
    return six ? IPV6_SOURCE : IPV4_SOURCE;
  }

  @inline
  static client(packet: usize, six: bool, reply: bool): usize {
    if (six) return packet + (reply ? IPV6_DESTINATION : IPV6_SOURCE);
    return packet + (reply ? IPV4_DESTINATION : IPV4_SOURCE);
  }

  @inline
  static other(packet: usize, six: bool, reply: bool): usize {
    return Direction.client(packet, six, !reply);
  }

  /** Client's port first, whichever way the packet goes. */
  @inline
  static ports(packet: usize, six: bool, reply: bool): u32 {
    const ports = six ? load<u32>(packet, IPV6_HEADER_SIZE) : load<u32>(packet, IPV4_HEADER_SIZE);
    return reply ? rotl<u32>(ports, 16) : ports;
  }
}
