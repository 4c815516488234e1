// The packet that an ICMP error quotes: the beginning of one that the server sent in the VIP's name.
import { SLOT_LENGTH, SLOT_PACKET } from '../layout';
import { Chain } from '../lookup/chain';
import { DROP_ICMP_QUOTE } from '../verdict';
import {
  ICMP6_MTU,
  ICMP6_PACKET_TOO_BIG,
  ICMP_CODE,
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_HEADER_SIZE,
  ICMP_NEXT_HOP_MTU,
  ICMP_TYPE,
  ICMP_UNREACHABLE,
} from '../wire/icmp';
import {
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_HEADER_SIZE,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from '../wire/ipv4';
import {
  IPV6_DESTINATION,
  IPV6_HEADER_SIZE,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from '../wire/ipv6';
import { IcmpPacket } from './message';

const PROTOCOL_TCP: u32 = 6;
/** ports and sequence number: the least that an error must quote (RFC 792) */
const TCP_LEAST: usize = 8;
/** the fragment's offset, as the field lies in memory */
const OFFSET_BITS: u32 = 0xff1f;
const IPV4_MTU_LEAST: u32 = 68; // RFC 1191 section 3
const IPV6_MTU_LEAST: u32 = 1280; // RFC 8201 section 4

export class Quoted {
  /** Address of the quoted packet. */
  @inline
  static of(packet: usize): usize {
    return packet + IcmpPacket.headerSize(packet) + ICMP_HEADER_SIZE;
  }

  /**
   * 0 when it can be a packet of a connection here and the error says of it what can be, else a drop
   * reason (RFC 5927 section 4). An error goes to the quoted packet's sender.
   */
  static check(slot: usize): u32 {
    const packet = slot + SLOT_PACKET;
    const quoted = Quoted.of(packet);
    const end = packet + load<u32>(slot, SLOT_LENGTH);
    const passes = IcmpPacket.isSix(packet)
      ? Quoted.isSound6(packet, quoted, end)
      : Quoted.isSound4(packet, quoted, end);
    return passes ? 0 : DROP_ICMP_QUOTE;
  }

  private static isSound4(packet: usize, quoted: usize, end: usize): bool {
    if (quoted + IPV4_HEADER_SIZE + TCP_LEAST > end) return false;
    if (load<u8>(quoted) != 0x45 || load<u8>(quoted, IPV4_PROTOCOL) != PROTOCOL_TCP) return false;
    if (((<u32>load<u16>(quoted, IPV4_FRAGMENT)) & OFFSET_BITS) != 0) return false;
    if (load<u32>(quoted, IPV4_SOURCE) != load<u32>(packet, IPV4_DESTINATION)) return false;
    const message = packet + IPV4_HEADER_SIZE;
    if (load<u8>(message, ICMP_TYPE) != ICMP_UNREACHABLE) return true;
    if (load<u8>(message, ICMP_CODE) != ICMP_FRAGMENTATION_NEEDED) return true;
    const mtu = <u32>bswap<u16>(load<u16>(message, ICMP_NEXT_HOP_MTU));
    const length = <u32>bswap<u16>(load<u16>(quoted, IPV4_TOTAL_LENGTH));
    // 0: a router from before RFC 1191, the kernel guesses
    return mtu == 0 || (mtu >= IPV4_MTU_LEAST && mtu < length);
  }

  private static isSound6(packet: usize, quoted: usize, end: usize): bool {
    if (quoted + IPV6_HEADER_SIZE + TCP_LEAST > end) return false;
    if (load<u8>(quoted) >> 4 != 6 || load<u8>(quoted, IPV6_NEXT_HEADER) != PROTOCOL_TCP) {
      return false;
    }
    if (!Chain.same16(quoted + IPV6_SOURCE, packet + IPV6_DESTINATION)) return false;
    const message = packet + IPV6_HEADER_SIZE;
    if (load<u8>(message, ICMP_TYPE) != ICMP6_PACKET_TOO_BIG) return true;
    const mtu = bswap<u32>(load<u32>(message, ICMP6_MTU));
    const payload = <u32>bswap<u16>(load<u16>(quoted, IPV6_PAYLOAD_LENGTH));
    return mtu >= IPV6_MTU_LEAST && mtu < <u32>IPV6_HEADER_SIZE + payload;
  }

  // The quoted packet went to the client: what is its destination is the client's.
  @inline
  static client(quoted: usize, six: bool): usize {
    return quoted + (six ? IPV6_DESTINATION : IPV4_DESTINATION);
  }

  @inline
  static local(quoted: usize, six: bool): usize {
    return quoted + (six ? IPV6_SOURCE : IPV4_SOURCE);
  }

  /** Client's port first. */
  @inline
  static ports(quoted: usize, six: bool): u32 {
    return rotl<u32>(load<u32>(quoted + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE)), 16);
  }
}
