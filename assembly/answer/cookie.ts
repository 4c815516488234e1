import {
  TUPLE_CLIENT_ADDRESS,
  TUPLE_CLIENT_PORT,
  TUPLE_FAMILY,
  TUPLE_LOCAL_ADDRESS,
} from '../calls';
import { HEADER_COOKIE_EPOCH, HEADER_COOKIE_KEYS, OPTION_SACK, OPTION_TIMESTAMPS } from '../layout';
import { SipHash } from '../lookup/siphash';
import { TcpOptions } from '../parse/tcp-options';
import { IPV4_DESTINATION, IPV4_SOURCE } from '../wire/ipv4';
import { IPV6_DESTINATION, IPV6_SOURCE } from '../wire/ipv6';
import { TCP_ACKNOWLEDGMENT, TCP_SEQUENCE, TCP_SOURCE_PORT } from '../wire/tcp';
import { SynAck } from './syn-ack';

const COOKIE_VALID: u32 = 0x80000000;
const KEY_SIZE: u32 = 16;

// What is known of the client travels in the switch's initial sequence number:
//
//   31  30 29      26   25    24    23                     0
//  +------+----------+------+------+------------------------+
//  | MSS  | scale    | SACK | epoch| MAC                    |   scale 15 = not offered
//  | index|          |      | & 1  |                        |
//  +------+----------+------+------+------------------------+
const MSS_SHIFT: u32 = 30;
const SCALE_SHIFT: u32 = 26;
const SACK_SHIFT: u32 = 25;
const PARITY_SHIFT: u32 = 24;
const MAC_MASK: u32 = 0xffffff;
const EPOCH_FREE_BITS: u32 = 0xfe; // of the first byte: all but the parity

// the MAC's message has 23 bytes with IPv4, 47 with IPv6; its last word: epoch, options, family
const LENGTH_SHIFT: u64 = 56;
const OPTIONS_SHIFT: u64 = 32;
const FAMILY_SHIFT: u64 = 40;

/**
 * SYN cookies (RFC 4987 section 3.6) whose options need no timestamps. Keys stand in the header
 * record; a cookie of the previous, the current or the next epoch is good.
 */
export class Cookie {
  /**
   * Turns the SYN into the SYN-ACK that answers it, in place. `service` is the address of a service
   * record, `nowMs` the clock that timestamps show. Returns the length of the answer.
   */
  static answer(
    packet: usize,
    tcp: usize,
    end: usize,
    vnet: usize,
    service: usize,
    nowMs: f64,
  ): u32 {
    const mss = TcpOptions.mss(tcp, end);
    const scale = TcpOptions.windowScale(tcp, end);
    const options: u32 = TcpOptions.sackPermitted(tcp, end) ? OPTION_SACK : 0;
    const epoch = load<u32>(0, HEADER_COOKIE_EPOCH);
    const clientIsn = bswap<u32>(load<u32>(tcp, TCP_SEQUENCE));
    const bits = Cookie.bits(mss, scale, options, epoch);
    const isn = (bits << PARITY_SHIFT) | Cookie.macOfPacket(packet, tcp, clientIsn, bits, epoch);
    return SynAck.write(packet, tcp, end, vnet, service, isn, nowMs);
  }

  /**
   * Checks the ACK that completes a handshake: 0, or 0x80000000 | mss | scale << 16 | OPTION_* <<
   * 24. A client that agreed on timestamps sends them in every segment (RFC 7323 section 3.2), so
   * this one tells whether it did.
   */
  static check(packet: usize, tcp: usize, end: usize): u32 {
    const clientIsn = bswap<u32>(load<u32>(tcp, TCP_SEQUENCE)) - 1;
    const isn = bswap<u32>(load<u32>(tcp, TCP_ACKNOWLEDGMENT)) - 1;
    const bits = isn >> PARITY_SHIFT;
    const mac = isn & MAC_MASK;
    const epoch = load<u32>(0, HEADER_COOKIE_EPOCH);
    const step = (epoch ^ bits) & 1;
    if (
      Cookie.macOfPacket(packet, tcp, clientIsn, bits, epoch - step) != mac &&
      (step == 0 || Cookie.macOfPacket(packet, tcp, clientIsn, bits, epoch + step) != mac)
    ) {
      return 0;
    }
    const timestamps: u32 = TcpOptions.timestamps(tcp, end) != 0 ? OPTION_TIMESTAMPS : 0;
    return Cookie.contents(bits) | (timestamps << 24);
  }

  /** The ISN for a tuple (layout.ts, TUPLE_*); `options` are OPTION_*, of which SACK goes in. */
  static make(tuple: usize, clientIsn: u32, mss: u32, scale: u32, options: u32, epoch: u32): u32 {
    const bits = Cookie.bits(mss, scale, options, epoch);
    return (bits << PARITY_SHIFT) | Cookie.macOfTuple(tuple, clientIsn, bits, epoch);
  }

  /** As check(), without a packet: timestamps are not known. */
  static checkTuple(tuple: usize, clientIsn: u32, isn: u32): u32 {
    const bits = isn >> PARITY_SHIFT;
    const mac = isn & MAC_MASK;
    const epoch = load<u32>(0, HEADER_COOKIE_EPOCH);
    const step = (epoch ^ bits) & 1;
    if (Cookie.macOfTuple(tuple, clientIsn, bits, epoch - step) == mac)
      return Cookie.contents(bits);
    if (step == 0) return 0;
    if (Cookie.macOfTuple(tuple, clientIsn, bits, epoch + step) == mac)
      return Cookie.contents(bits);
    return 0;
  }

  /** First byte of the ISN. */
  @inline
  static bits(mss: u32, scale: u32, options: u32, epoch: u32): u32 {
    const index: u32 = mss >= 1460 ? 3 : mss >= 1440 ? 2 : mss >= 1300 ? 1 : 0;
    const sack = options & OPTION_SACK ? 1 : 0;
    return (
      (index << (MSS_SHIFT - PARITY_SHIFT)) |
      ((scale & 15) << (SCALE_SHIFT - PARITY_SHIFT)) |
      (sack << (SACK_SHIFT - PARITY_SHIFT)) |
      (epoch & 1)
    );
  }

  @inline
  static contents(bits: u32): u32 {
    const index = bits >> (MSS_SHIFT - PARITY_SHIFT);
    const mss: u32 = index == 3 ? 1460 : index == 2 ? 1440 : index == 1 ? 1300 : 536;
    const scale = (bits >> (SCALE_SHIFT - PARITY_SHIFT)) & 15;
    const options: u32 = (bits >> (SACK_SHIFT - PARITY_SHIFT)) & 1 ? OPTION_SACK : 0;
    return COOKIE_VALID | mss | (scale << 16) | (options << 24);
  }

  /**
   * `client` and `local` are addresses of addresses, `ports` the two ports as they stand in the
   * packet.
   */
  static mac(
    family: u32,
    client: usize,
    local: usize,
    ports: u32,
    clientIsn: u32,
    bits: u32,
    epoch: u32,
  ): u32 {
    const key = HEADER_COOKIE_KEYS + (epoch & 3) * KEY_SIZE;
    const key0 = load<u64>(key);
    const key1 = load<u64>(key + 8);
    const portsAndIsn = (<u64>ports) | ((<u64>clientIsn) << 32);
    const rest =
      (<u64>epoch) |
      ((<u64>(bits & EPOCH_FREE_BITS)) << OPTIONS_SHIFT) |
      ((<u64>family) << FAMILY_SHIFT);
    if (family == 4) {
      const addresses = (<u64>load<u32>(client)) | ((<u64>load<u32>(local)) << 32);
      const last = rest | ((<u64>23) << LENGTH_SHIFT);
      return (<u32>SipHash.words(key0, key1, 3, addresses, portsAndIsn, last, 0, 0, 0)) & MAC_MASK;
    }
    return (
      (<u32>(
        SipHash.words(
          key0,
          key1,
          6,
          load<u64>(client),
          load<u64>(client + 8),
          load<u64>(local),
          load<u64>(local + 8),
          portsAndIsn,
          rest | ((<u64>47) << LENGTH_SHIFT),
        )
      )) & MAC_MASK
    );
  }

  @inline
  static macOfPacket(packet: usize, tcp: usize, clientIsn: u32, bits: u32, epoch: u32): u32 {
    const ipv4 = load<u8>(packet) >> 4 == 4;
    const client = packet + (ipv4 ? IPV4_SOURCE : IPV6_SOURCE);
    const local = packet + (ipv4 ? IPV4_DESTINATION : IPV6_DESTINATION);
    const ports = load<u32>(tcp, TCP_SOURCE_PORT);
    return Cookie.mac(ipv4 ? 4 : 6, client, local, ports, clientIsn, bits, epoch);
  }

  @inline
  static macOfTuple(tuple: usize, clientIsn: u32, bits: u32, epoch: u32): u32 {
    const client = tuple + TUPLE_CLIENT_ADDRESS;
    const local = tuple + TUPLE_LOCAL_ADDRESS;
    const ports = load<u32>(tuple, TUPLE_CLIENT_PORT);
    return Cookie.mac(load<u8>(tuple, TUPLE_FAMILY), client, local, ports, clientIsn, bits, epoch);
  }
}
