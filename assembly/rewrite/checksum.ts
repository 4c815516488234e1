import {
  ENTRY_FLAGS,
  ENTRY_LOCAL_ADDRESS4,
  ENTRY_LOCAL_ADDRESS6,
  ENTRY_LOCAL_PORT,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_ADDRESS6,
  ENTRY_SERVER_PORT,
  ENTRY_TO_CLIENT_ADDRESS_DELTA,
  ENTRY_TO_CLIENT_PORT_DELTA,
  ENTRY_TO_SERVER_ADDRESS_DELTA,
  ENTRY_TO_SERVER_PORT_DELTA,
  ENTRY_VIP_ADDRESS4,
  ENTRY_VIP_ADDRESS6,
  ENTRY_VIP_PORT,
  FLAG_IPV6,
  ROLE_AGENT,
} from '../layout';
import {
  IPV4_CHECKSUM,
  IPV4_HEADER_SIZE,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from '../wire/ipv4';
import { IPV6_HEADER_SIZE, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH, IPV6_SOURCE } from '../wire/ipv6';
import { TCP_CHECKSUM, TCP_DATA_OFFSET, TCP_HEADER_SIZE } from '../wire/tcp';
import { VNET_FLAGS, VNET_NEEDS_CSUM } from '../wire/vnet';

const PROTOCOL_TCP: u32 = 6;
const IPV4_SIZE: u32 = IPV4_HEADER_SIZE;
const TCP_SIZE: u32 = TCP_HEADER_SIZE;

/**
 * The Internet checksum (RFC 1071), computed on little-endian loads: one's complement sums do not
 * mind the byte order as long as every word is taken in the order it has in memory.
 *
 * A *change* is a u64 that is congruent to new - old modulo 65535. Changes add up without care for
 * carries (each is below 2^42) and are folded once, when the checksum field is written. A sum is 0
 * only if every term is 0, which no IP or TCP header is; so 0 is written as 0xffff, as a full
 * computation would find it (RFC 1624 section 3 is about exactly this difference).
 */
export class Checksum {
  /**
   * Change of 32 bits that begin at an even offset; a - b is a + ~b, since 2^32 - 1 is a multiple
   * of 65535.
   */
  @inline
  static change32(old: u32, fresh: u32): u64 {
    return <u64>fresh + <u64>(old ^ 0xffffffff);
  }

  /** Change of 16 bits that begin at an even offset. */
  @inline
  static change16(old: u32, fresh: u32): u64 {
    return <u64>(fresh + (old ^ 0xffff));
  }

  /** A u64 sum to 16 bits; 0 only for 0. */
  @inline
  static fold(sum: u64): u32 {
    const high = (sum & 0xffffffff) + (sum >> 32);
    const middle = <u32>(high & 0xffff) + <u32>((high >> 16) & 0xffff) + <u32>(high >> 32);
    const low = (middle & 0xffff) + (middle >> 16);
    return (low & 0xffff) + (low >> 16);
  }

  /**
   * Writes a checksum field that holds a complemented sum: HC' = ~(~HC + ~m + m'), RFC 1624
   * equation 3.
   */
  @inline
  static update(field: usize, change: u64): void {
    const sum = Checksum.fold(<u64>((<u32>load<u16>(field)) ^ 0xffff) + change);
    store<u16>(field, select<u32>(sum, 0xffff, sum != 0) ^ 0xffff);
  }

  /**
   * The field after a change below 2^20 that is not 0, in the high half of the result; in 32-bit
   * arithmetic.
   */
  @inline
  static changed(field: u32, change: u32): u32 {
    const sum = (field ^ 0xffff) + change;
    return ~(sum + rotl<u32>(sum, 16)); // both halves added with the carry between them
  }

  /**
   * TCP checksum after a rewrite: `change` is all of it, `address` the part that the pseudo header
   * sees. With NEEDS_CSUM the field holds the pseudo header's sum, not complemented; the device
   * adds the rest.
   */
  @inline
  static updateTcp(tcp: usize, vnet: usize, change: u64, address: u32): void {
    const field = tcp + TCP_CHECKSUM;
    if ((load<u8>(vnet + VNET_FLAGS) & VNET_NEEDS_CSUM) == 0) {
      Checksum.update(field, change);
      return;
    }
    const sum = Checksum.fold(<u64>(<u32>load<u16>(field) + address));
    store<u16>(field, select<u32>(sum, 0xffff, sum != 0));
  }

  /** Fills the entry's four deltas; the switch rewrites only towards the server. */
  static prepare(entry: usize, role: u32): void {
    let toServer: u64 = 0;
    let toClient: u64 = 0;
    if (load<u32>(entry + ENTRY_FLAGS) & FLAG_IPV6) {
      toServer = Checksum.change128(entry + ENTRY_LOCAL_ADDRESS6, entry + ENTRY_SERVER_ADDRESS6);
      toClient = Checksum.change128(entry + ENTRY_SERVER_ADDRESS6, entry + ENTRY_VIP_ADDRESS6);
    } else {
      const server = load<u32>(entry + ENTRY_SERVER_ADDRESS4);
      toServer = Checksum.change32(load<u32>(entry + ENTRY_LOCAL_ADDRESS4), server);
      toClient = Checksum.change32(server, load<u32>(entry + ENTRY_VIP_ADDRESS4));
    }
    const local = load<u16>(entry + ENTRY_LOCAL_PORT);
    const server = load<u16>(entry + ENTRY_SERVER_PORT);
    const vip = load<u16>(entry + ENTRY_VIP_PORT);
    const agent = role == ROLE_AGENT;
    store<u16>(entry + ENTRY_TO_SERVER_ADDRESS_DELTA, Checksum.fold(toServer));
    store<u16>(entry + ENTRY_TO_SERVER_PORT_DELTA, Checksum.fold(Checksum.change16(local, server)));
    store<u16>(entry + ENTRY_TO_CLIENT_ADDRESS_DELTA, agent ? Checksum.fold(toClient) : 0);
    store<u16>(
      entry + ENTRY_TO_CLIENT_PORT_DELTA,
      agent ? Checksum.fold(Checksum.change16(server, vip)) : 0,
    );
  }

  @inline
  static change128(old: usize, fresh: usize): u64 {
    return (
      Checksum.change32(load<u32>(old), load<u32>(fresh)) +
      Checksum.change32(load<u32>(old + 4), load<u32>(fresh + 4)) +
      Checksum.change32(load<u32>(old + 8), load<u32>(fresh + 8)) +
      Checksum.change32(load<u32>(old + 12), load<u32>(fresh + 12))
    );
  }

  /** Sum of bytes that begin at an even offset; up to 256 KiB, then a lane could overflow. */
  static sum(address: usize, length: u32): u64 {
    const end = address + length;
    let lanes = i32x4.splat(0);
    let others = i32x4.splat(0);
    for (; address + 32 <= end; address += 32) {
      lanes = i32x4.add(lanes, i32x4.extadd_pairwise_i16x8_u(v128.load(address)));
      others = i32x4.add(others, i32x4.extadd_pairwise_i16x8_u(v128.load(address + 16)));
    }
    lanes = i32x4.add(lanes, others);
    if (address + 16 <= end) {
      lanes = i32x4.add(lanes, i32x4.extadd_pairwise_i16x8_u(v128.load(address)));
      address += 16;
    }
    let sum =
      <u64>(<u32>i32x4.extract_lane(lanes, 0)) +
      <u64>(<u32>i32x4.extract_lane(lanes, 1)) +
      <u64>(<u32>i32x4.extract_lane(lanes, 2)) +
      <u64>(<u32>i32x4.extract_lane(lanes, 3));
    for (; address + 2 <= end; address += 2) sum += <u64>load<u16>(address);
    if (address < end) sum += <u64>load<u8>(address);
    return sum;
  }

  /**
   * Pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1) and segment, checksum field
   * included.
   */
  @inline
  static sumTcp(addresses: usize, size: u32, tcp: usize, length: u32): u64 {
    const protocolAndLength = <u64>bswap<u32>(PROTOCOL_TCP) + <u64>bswap<u32>(length);
    return Checksum.sum(addresses, size) + protocolAndLength + Checksum.sum(tcp, length);
  }

  /**
   * Length of the packet by its IP header, or 0 if that is no TCP packet that fits into `length`
   * bytes. The device's length may be larger: a short Ethernet frame is padded.
   */
  @inline
  static packetLength(packet: usize, length: u32): u32 {
    if (length < IPV4_SIZE + TCP_SIZE) return 0;
    const version = load<u8>(packet) >> 4;
    let total: u32 = 0;
    let header: u32 = 0;
    if (version == 4) {
      if (load<u8>(packet + IPV4_PROTOCOL) != PROTOCOL_TCP) return 0;
      header = Checksum.headerLength(packet);
      if (header < IPV4_SIZE) return 0;
      total = bswap<u16>(load<u16>(packet + IPV4_TOTAL_LENGTH));
    } else if (version == 6) {
      if (load<u8>(packet + IPV6_NEXT_HEADER) != PROTOCOL_TCP) return 0;
      header = IPV6_HEADER_SIZE;
      total = header + <u32>bswap<u16>(load<u16>(packet + IPV6_PAYLOAD_LENGTH));
    }
    if (total > length || total < header + TCP_SIZE) return 0;
    const size = ((<u32>load<u8>(packet + header + TCP_DATA_OFFSET)) >> 4) << 2;
    return size < TCP_SIZE || header + size > total ? 0 : total;
  }

  @inline
  static headerLength(packet: usize): u32 {
    const first = <u32>load<u8>(packet);
    return first >> 4 == 4 ? (first & 15) << 2 : IPV6_HEADER_SIZE;
  }

  /** Sum of a well-formed packet's TCP segment with its pseudo header. */
  @inline
  static sumSegment(packet: usize, total: u32): u64 {
    const header = Checksum.headerLength(packet);
    const ipv4 = load<u8>(packet) >> 4 == 4;
    const addresses = packet + (ipv4 ? IPV4_SOURCE : IPV6_SOURCE);
    return Checksum.sumTcp(addresses, ipv4 ? 8 : 32, packet + header, total - header);
  }

  /**
   * Sets the IPv4 header checksum and the TCP checksum in full; leaves what is no TCP packet alone.
   */
  static computePacket(packet: usize, length: u32): void {
    const total = Checksum.packetLength(packet, length);
    if (total == 0) return;
    const header = Checksum.headerLength(packet);
    if (load<u8>(packet) >> 4 == 4) {
      store<u16>(packet + IPV4_CHECKSUM, 0);
      store<u16>(packet + IPV4_CHECKSUM, Checksum.fold(Checksum.sum(packet, header)) ^ 0xffff);
    }
    store<u16>(packet + header + TCP_CHECKSUM, 0);
    const sum = Checksum.fold(Checksum.sumSegment(packet, total));
    store<u16>(packet + header + TCP_CHECKSUM, sum ^ 0xffff);
  }

  /** 1 = a TCP packet whose lengths agree and whose checksums are complete and right, else 0. */
  static verifyPacket(packet: usize, length: u32): u32 {
    const total = Checksum.packetLength(packet, length);
    if (total == 0) return 0;
    if (load<u8>(packet) >> 4 == 4) {
      if (Checksum.fold(Checksum.sum(packet, Checksum.headerLength(packet))) != 0xffff) return 0;
    }
    return Checksum.fold(Checksum.sumSegment(packet, total)) == 0xffff ? 1 : 0;
  }
}
