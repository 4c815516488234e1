// Whether a packet that is not TCP is an ICMP message that anybody here knows, and its checksums.
import { HEADER_ROLE, ROLE_SWITCH, SLOT_LENGTH, SLOT_PACKET, SLOT_VNET } from '../layout';
import { Checksum } from '../rewrite/checksum';
import {
  DROP_BAD_CHECKSUM,
  DROP_ICMP_TYPE,
  DROP_NOT_SERVICE,
  DROP_NOT_TCP,
  DROP_REASON_LIMIT,
  DROP_TOO_SHORT,
} from '../verdict';
import {
  ICMP6_ECHO,
  ICMP6_PARAMETER_PROBLEM,
  ICMP6_UNREACHABLE,
  ICMP_CHECKSUM,
  ICMP_ECHO,
  ICMP_HEADER_SIZE,
  ICMP_PARAMETER_PROBLEM,
  ICMP_TIME_EXCEEDED,
  ICMP_TYPE,
  ICMP_UNREACHABLE,
} from '../wire/icmp';
import { IPV4_CHECKSUM, IPV4_HEADER_SIZE, IPV4_PROTOCOL, IPV4_TOTAL_LENGTH } from '../wire/ipv4';
import { IPV6_HEADER_SIZE, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH, IPV6_SOURCE } from '../wire/ipv6';
import { VNET_CSUM_OFFSET, VNET_FLAGS, VNET_NEEDS_CSUM } from '../wire/vnet';
import { Services } from '../services';

/** Instead of a drop reason. */
export const MESSAGE_ERROR: u32 = DROP_REASON_LIMIT;
export const MESSAGE_ECHO: u32 = DROP_REASON_LIMIT + 1;

const PROTOCOL_ICMP: u32 = 1;
const NEXT_ICMP6: u32 = 58;
const ADDRESSES6: u32 = 32;

export class IcmpPacket {
  @inline
  static isSix(packet: usize): bool {
    return load<u8>(packet) >> 4 == 6;
  }

  @inline
  static headerSize(packet: usize): usize {
    return IcmpPacket.isSix(packet) ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE;
  }

  /**
   * MESSAGE_ERROR, MESSAGE_ECHO, or a drop reason. Packet.locate() has seen the IP header; cuts
   * SLOT_LENGTH to what it says, as that does for TCP.
   */
  static classify(slot: usize): u32 {
    const packet = slot + SLOT_PACKET;
    const six = IcmpPacket.isSix(packet);
    const protocol = <u32>(
      (six ? load<u8>(packet, IPV6_NEXT_HEADER) : load<u8>(packet, IPV4_PROTOCOL))
    );
    if (protocol != (six ? NEXT_ICMP6 : PROTOCOL_ICMP)) return DROP_NOT_TCP;
    const total = <u32>(
      (six
        ? IPV6_HEADER_SIZE + <u32>bswap<u16>(load<u16>(packet, IPV6_PAYLOAD_LENGTH))
        : <u32>bswap<u16>(load<u16>(packet, IPV4_TOTAL_LENGTH)))
    );
    store<u32>(slot, total, SLOT_LENGTH);
    const message = packet + IcmpPacket.headerSize(packet);
    if (message + ICMP_HEADER_SIZE > packet + total) return DROP_TOO_SHORT;
    const kind = IcmpPacket.kind(packet, six, <u32>load<u8>(message, ICMP_TYPE));
    if (kind < MESSAGE_ERROR) return kind;
    return IcmpPacket.isIntact(slot) ? kind : DROP_BAD_CHECKSUM;
  }

  /** Redirects, router and neighbour messages, replies and all else are nobody's business here. */
  private static kind(packet: usize, six: bool, type: u32): u32 {
    if (type == <u32>(six ? ICMP6_ECHO : ICMP_ECHO)) {
      if (load<u32>(0, HEADER_ROLE) != ROLE_SWITCH) return DROP_ICMP_TYPE;
      return Services.isVip(packet, six) ? MESSAGE_ECHO : DROP_NOT_SERVICE;
    }
    const isError = six
      ? type >= <u32>ICMP6_UNREACHABLE && type <= <u32>ICMP6_PARAMETER_PROBLEM
      : type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
    return isError ? MESSAGE_ERROR : DROP_ICMP_TYPE;
  }

  /** The sum that an intact message has; header included in that of IPv4's own. */
  private static isIntact(slot: usize): bool {
    const packet = slot + SLOT_PACKET;
    // no kernel leaves the checksum of ICMP to a device
    if ((load<u8>(slot + SLOT_VNET, VNET_FLAGS) & VNET_NEEDS_CSUM) != 0) return false;
    if (!IcmpPacket.isSix(packet)) {
      if (Checksum.fold(Checksum.sum(packet, IPV4_HEADER_SIZE)) != 0xffff) return false;
    }
    return IcmpPacket.sum(packet, load<u32>(slot, SLOT_LENGTH)) == 0xffff;
  }

  /** Of the message, with the pseudo header of ICMPv6 (RFC 4443 section 2.3). */
  private static sum(packet: usize, total: u32): u32 {
    const header = IcmpPacket.headerSize(packet);
    const length = total - <u32>header;
    let sum = Checksum.sum(packet + header, length);
    if (IcmpPacket.isSix(packet)) {
      sum += Checksum.sum(packet + IPV6_SOURCE, ADDRESSES6);
      sum += <u64>bswap<u32>(length) + <u64>bswap<u32>(NEXT_ICMP6);
    }
    return Checksum.fold(sum);
  }

  /** Sets all checksums anew: such packets are few. Nothing is left to the device. */
  static complete(slot: usize): void {
    const packet = slot + SLOT_PACKET;
    const vnet = slot + SLOT_VNET;
    store<u64>(vnet, 0);
    store<u16>(vnet, 0, VNET_CSUM_OFFSET);
    if (!IcmpPacket.isSix(packet)) {
      store<u16>(packet, 0, IPV4_CHECKSUM);
      const sum = Checksum.fold(Checksum.sum(packet, IPV4_HEADER_SIZE));
      store<u16>(packet, sum ^ 0xffff, IPV4_CHECKSUM);
    }
    const message = packet + IcmpPacket.headerSize(packet);
    store<u16>(message, 0, ICMP_CHECKSUM);
    const sum = IcmpPacket.sum(packet, load<u32>(slot, SLOT_LENGTH));
    store<u16>(message, sum ^ 0xffff, ICMP_CHECKSUM);
  }
}
