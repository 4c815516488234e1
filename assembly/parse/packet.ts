// Where a packet's headers are, and whether they can be what they say. Nothing behind this check
// reads beyond the packet. Field checks of RFC 791, RFC 8200 and RFC 9293 section 3.1.
import { SLOT_LENGTH, SLOT_PACKET } from '../layout';
import {
  DROP_BAD_FLAGS,
  DROP_BAD_HEADER,
  DROP_FRAGMENT,
  DROP_IP_OPTIONS,
  DROP_NOT_IP,
  DROP_NOT_TCP,
  DROP_TOO_SHORT,
} from '../verdict';
import { IPV4_FRAGMENT, IPV4_HEADER_SIZE, IPV4_PROTOCOL, IPV4_TOTAL_LENGTH } from '../wire/ipv4';
import { IPV6_HEADER_SIZE, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH } from '../wire/ipv6';
import {
  TCP_ACK,
  TCP_DATA_OFFSET,
  TCP_FIN,
  TCP_FLAGS,
  TCP_HEADER_SIZE,
  TCP_PSH,
  TCP_RST,
  TCP_SEQUENCE,
  TCP_SYN,
  TCP_URG,
} from '../wire/tcp';

/** Instead of a drop reason: a TCP packet over IPv4 or IPv6. */
export const PACKET_IPV4: u32 = 0x40;
export const PACKET_IPV6: u32 = 0x60;

const PROTOCOL_TCP: u32 = 6;
const NEXT_HOP_BY_HOP: u32 = 0;
const NEXT_ROUTING: u32 = 43;
const NEXT_FRAGMENT: u32 = 44;
const NEXT_ESP: u32 = 50;
const NEXT_AUTHENTICATION: u32 = 51;
const NEXT_DESTINATION: u32 = 60;
const NEXT_MOBILITY: u32 = 135;
/** "more fragments" and the offset, as the field lies in memory */
const FRAGMENT_BITS: u32 = 0xff3f;
const PLAIN_FLAGS: u32 = TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK;
/** the same with the protocol behind the TTL */
const PLAIN_MASK4: u32 = 0xff00_0000 | FRAGMENT_BITS;
/** of a slot's address */
export const TCP4: usize = SLOT_PACKET + IPV4_HEADER_SIZE;
export const TCP6: usize = SLOT_PACKET + IPV6_HEADER_SIZE;
export const MINIMUM4: u32 = IPV4_HEADER_SIZE + TCP_HEADER_SIZE;
export const MINIMUM6: u32 = IPV6_HEADER_SIZE + TCP_HEADER_SIZE;
const KNOWN_FLAGS: u32 = TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG;

export class Packet {
  /**
   * PACKET_IPV4, PACKET_IPV6, or a drop reason. Cuts SLOT_LENGTH to what the IP header says: a link
   * may have padded the packet.
   */
  @inline
  static locate(slot: usize): u32 {
    const packet = slot + SLOT_PACKET;
    const length = load<u32>(slot, SLOT_LENGTH);
    if (length < <u32>IPV4_HEADER_SIZE) return DROP_TOO_SHORT;
    const first = <u32>load<u8>(packet);
    if (first == 0x45) return Packet.locate4(slot, packet, length);
    if (first >> 4 == 6) return Packet.locate6(slot, packet, length);
    if (first >> 4 != 4) return DROP_NOT_IP;
    return (first & 15) > 5 ? DROP_IP_OPTIONS : DROP_BAD_HEADER;
  }

  // A slot has an ordinary segment when nothing differs and its options are not too long: no options of
  // IP, no fragment, not padded, ACK and neither SYN, FIN nor RST, headers within the packet. All that
  // locate() checks is true of it; what is not plain must go there. These are no booleans, and the caller
  // has one `if` in the other, since V8 makes a value of what && gives and tests it again.

  /** 0 when a packet of at least MINIMUM4 bytes is plain, but for its options. */
  @inline
  static differs4(slot: usize, length: u32): u32 {
    const first = load<u32>(slot, SLOT_PACKET); // version, IHL, service, total length
    const second = load<u32>(slot, SLOT_PACKET + IPV4_FRAGMENT); // that field, TTL, protocol
    const third = <u32>load<u8>(slot, TCP4 + TCP_FLAGS);
    const total = ((first >> 8) & 0xff00) | (first >> 24);
    return (
      ((first & 0xff) ^ 0x45) |
      (total ^ length) |
      ((second & PLAIN_MASK4) ^ (PROTOCOL_TCP << 24)) |
      ((third & PLAIN_FLAGS) ^ TCP_ACK)
    );
  }

  /** The same of at least MINIMUM6 bytes; there is no extension header in front of TCP. */
  @inline
  static differs6(slot: usize, length: u32): u32 {
    const lengths = load<u32>(slot, SLOT_PACKET + IPV6_PAYLOAD_LENGTH); // that, next header, hop limit
    const third = <u32>load<u8>(slot, TCP6 + TCP_FLAGS);
    const total = (((lengths << 8) & 0xff00) | ((lengths >> 8) & 0xff)) + IPV6_HEADER_SIZE;
    return (
      (((<u32>load<u8>(slot, SLOT_PACKET)) >> 4) ^ 6) |
      (total ^ length) |
      (((lengths >> 16) & 0xff) ^ PROTOCOL_TCP) |
      ((third & PLAIN_FLAGS) ^ TCP_ACK)
    );
  }

  /** Bytes of TCP options by the data offset; far too many when that is less than a header. */
  @inline
  static optionsLength(tcp: usize): u32 {
    return (((<u32>load<u8>(tcp, TCP_DATA_OFFSET)) >> 4) << 2) - <u32>TCP_HEADER_SIZE;
  }

  /** Length of the segment's text. */
  @inline
  static textLength(tcp: usize, end: usize): u32 {
    return <u32>(end - tcp) - Packet.headerLength(tcp);
  }

  /** Sequence number behind the segment's text and its FIN. */
  @inline
  static behind(tcp: usize, end: usize): u32 {
    const fin = u32(((<u32>load<u8>(tcp, TCP_FLAGS)) & TCP_FIN) != 0);
    return bswap<u32>(load<u32>(tcp, TCP_SEQUENCE)) + Packet.textLength(tcp, end) + fin;
  }

  /** Where the TCP header, with its options, ends. */
  @inline
  static headerEnd(tcp: usize): usize {
    return tcp + Packet.headerLength(tcp);
  }

  @inline
  static headerLength(tcp: usize): u32 {
    return (<u32>(load<u8>(tcp, TCP_DATA_OFFSET) >> 4)) << 2;
  }

  @inline
  private static locate4(slot: usize, packet: usize, length: u32): u32 {
    const total = <u32>bswap<u16>(load<u16>(packet, IPV4_TOTAL_LENGTH));
    if (total > length) return DROP_TOO_SHORT;
    if (total < <u32>IPV4_HEADER_SIZE) return DROP_BAD_HEADER;
    if (((<u32>load<u16>(packet, IPV4_FRAGMENT)) & FRAGMENT_BITS) != 0) return DROP_FRAGMENT;
    if (load<u8>(packet, IPV4_PROTOCOL) != PROTOCOL_TCP) return DROP_NOT_TCP;
    store<u32>(slot, total, SLOT_LENGTH);
    const reason = Packet.checkTcp(packet + IPV4_HEADER_SIZE, packet + total);
    return reason != 0 ? reason : PACKET_IPV4;
  }

  private static locate6(slot: usize, packet: usize, length: u32): u32 {
    if (length < <u32>IPV6_HEADER_SIZE) return DROP_TOO_SHORT;
    const payload = <u32>bswap<u16>(load<u16>(packet, IPV6_PAYLOAD_LENGTH));
    const total: u32 = IPV6_HEADER_SIZE + payload;
    if (total > length) return DROP_TOO_SHORT;
    const next = <u32>load<u8>(packet, IPV6_NEXT_HEADER);
    if (next != PROTOCOL_TCP) return Packet.refuseNext(next);
    store<u32>(slot, total, SLOT_LENGTH);
    const reason = Packet.checkTcp(packet + IPV6_HEADER_SIZE, packet + total);
    return reason != 0 ? reason : PACKET_IPV6;
  }

  private static refuseNext(next: u32): u32 {
    if (next == NEXT_FRAGMENT) return DROP_FRAGMENT;
    if (next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_DESTINATION) {
      return DROP_IP_OPTIONS;
    }
    if (next == NEXT_ESP || next == NEXT_AUTHENTICATION || next == NEXT_MOBILITY) {
      return DROP_IP_OPTIONS;
    }
    return DROP_NOT_TCP;
  }

  @inline
  private static checkTcp(tcp: usize, end: usize): u32 {
    if (end < tcp + TCP_HEADER_SIZE) return DROP_TOO_SHORT;
    const header = Packet.headerLength(tcp);
    if (header < <u32>TCP_HEADER_SIZE) return DROP_BAD_HEADER;
    if (tcp + header > end) return DROP_TOO_SHORT;
    const flags = (<u32>load<u8>(tcp, TCP_FLAGS)) & KNOWN_FLAGS;
    if (flags == 0) return DROP_BAD_FLAGS;
    if ((flags & TCP_SYN) != 0 && (flags & (TCP_FIN | TCP_RST)) != 0) return DROP_BAD_FLAGS;
    return 0;
  }
}

// read as one word
if (IPV4_PROTOCOL != IPV4_FRAGMENT + 3) ERROR('wire: fragment field and protocol');
