import { SCALE_NONE, SERVICE_MSS, SERVICE_WINDOW, SERVICE_WINDOW_SCALE } from '../layout';
import { TcpOptions } from '../parse/tcp-options';
import { Checksum } from '../rewrite/checksum';
import {
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_HEADER_SIZE,
  IPV4_ID,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
} from '../wire/ipv4';
import {
  IPV6_DESTINATION,
  IPV6_HEADER_SIZE,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from '../wire/ipv6';
import {
  TCP_ACK,
  TCP_ACKNOWLEDGMENT,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  TCP_HEADER_SIZE,
  TCP_OPTION_MSS,
  TCP_OPTION_NOP,
  TCP_OPTION_SACK_PERMITTED,
  TCP_OPTION_TIMESTAMPS,
  TCP_OPTION_WINDOW_SCALE,
  TCP_SEQUENCE,
  TCP_SOURCE_PORT,
  TCP_SYN,
  TCP_URGENT,
  TCP_WINDOW,
} from '../wire/tcp';
import { VNET_CSUM_OFFSET } from '../wire/vnet';

const HOP_LIMIT: u32 = 64;
const PROTOCOL_TCP: u32 = 6;
const DONT_FRAGMENT: u16 = 0x0040; // bytes 40 00
// options as little-endian words; the form that Linux sends
const MSS_WORD: u32 = TCP_OPTION_MSS | (4 << 8);
const NOP_NOP: u32 = TCP_OPTION_NOP | (TCP_OPTION_NOP << 8);
const SACK_PERMITTED: u32 = TCP_OPTION_SACK_PERMITTED | (2 << 8);
const TIMESTAMPS: u32 = (TCP_OPTION_TIMESTAMPS << 16) | (10 << 24);
const TIMESTAMP_VALUE: usize = 4; // behind two bytes of padding or SACK-permitted, kind and length
const TIMESTAMP_ECHO: usize = 8;
const NOP_SCALE: u32 = TCP_OPTION_NOP | (TCP_OPTION_WINDOW_SCALE << 8) | (3 << 16);

/** The answer to a SYN, written over it. */
export class SynAck {
  /** Returns the packet's length: at most 80 bytes, which may be more than the SYN had. */
  static write(
    packet: usize,
    tcp: usize,
    end: usize,
    vnet: usize,
    service: usize,
    isn: u32,
    nowMs: f64,
  ): u32 {
    const clientIsn = bswap<u32>(load<u32>(tcp, TCP_SEQUENCE));
    const size = TCP_HEADER_SIZE + SynAck.writeOptions(tcp, end, service, nowMs);
    store<u32>(tcp, rotl(load<u32>(tcp, TCP_SOURCE_PORT), 16), TCP_SOURCE_PORT);
    store<u32>(tcp, bswap<u32>(isn), TCP_SEQUENCE);
    store<u32>(tcp, bswap<u32>(clientIsn + 1), TCP_ACKNOWLEDGMENT);
    store<u8>(tcp, (size >> 2) << 4, TCP_DATA_OFFSET);
    store<u8>(tcp, TCP_SYN | TCP_ACK, TCP_FLAGS);
    store<u16>(tcp, bswap<u16>(load<u16>(service, SERVICE_WINDOW)), TCP_WINDOW);
    store<u16>(tcp, 0, TCP_URGENT);
    store<u64>(vnet, 0);
    store<u16>(vnet, 0, VNET_CSUM_OFFSET);
    const length =
      load<u8>(packet) >> 4 == 4 ? SynAck.ipv4(packet, size) : SynAck.ipv6(packet, size);
    Checksum.computePacket(packet, length);
    return length;
  }

  /**
   * Offers only what the client offered. Reads the SYN's options before it writes; returns their
   * length.
   */
  static writeOptions(tcp: usize, end: usize, service: usize, nowMs: f64): u32 {
    const scaled = TcpOptions.windowScale(tcp, end) != SCALE_NONE;
    const sack = TcpOptions.sackPermitted(tcp, end);
    const timestamps = TcpOptions.timestamps(tcp, end);
    const echo = timestamps == 0 ? 0 : load<u32>(timestamps);
    const first = tcp + TCP_HEADER_SIZE;
    let option = first;
    store<u32>(option, MSS_WORD | ((<u32>bswap<u16>(load<u16>(service, SERVICE_MSS))) << 16));
    option += 4;
    if (timestamps != 0) {
      store<u32>(option, (sack ? SACK_PERMITTED : NOP_NOP) | TIMESTAMPS);
      store<u32>(option, bswap<u32>(<u32>(<u64>nowMs)), TIMESTAMP_VALUE);
      store<u32>(option, echo, TIMESTAMP_ECHO);
      option += 12;
    } else if (sack) {
      store<u32>(option, NOP_NOP | (SACK_PERMITTED << 16));
      option += 4;
    }
    if (scaled) {
      store<u32>(option, NOP_SCALE | ((<u32>load<u8>(service, SERVICE_WINDOW_SCALE)) << 24));
      option += 4;
    }
    return <u32>(option - first);
  }

  @inline
  static ipv4(packet: usize, size: u32): u32 {
    const length = IPV4_HEADER_SIZE + size;
    const source = load<u32>(packet, IPV4_SOURCE);
    store<u16>(packet, 0x0045); // version 4, five words, no congestion notification
    store<u16>(packet, bswap<u16>(<u16>length), IPV4_TOTAL_LENGTH);
    store<u16>(packet, 0, IPV4_ID);
    store<u16>(packet, DONT_FRAGMENT, IPV4_FRAGMENT);
    store<u8>(packet, HOP_LIMIT, IPV4_TTL);
    store<u8>(packet, PROTOCOL_TCP, IPV4_PROTOCOL);
    store<u32>(packet, load<u32>(packet, IPV4_DESTINATION), IPV4_SOURCE);
    store<u32>(packet, source, IPV4_DESTINATION);
    return length;
  }

  @inline
  static ipv6(packet: usize, size: u32): u32 {
    const source = v128.load(packet, IPV6_SOURCE);
    store<u32>(packet, 0x60);
    store<u16>(packet, bswap<u16>(<u16>size), IPV6_PAYLOAD_LENGTH);
    store<u8>(packet, PROTOCOL_TCP, IPV6_NEXT_HEADER);
    store<u8>(packet, HOP_LIMIT, IPV6_HOP_LIMIT);
    v128.store(packet, v128.load(packet, IPV6_DESTINATION), IPV6_SOURCE);
    v128.store(packet, source, IPV6_DESTINATION);
    return IPV6_HEADER_SIZE + size;
  }
}
