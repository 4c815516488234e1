import {
  ENTRY_SEQUENCE_DELTA,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_ADDRESS6,
  ENTRY_SERVER_PORT,
  ENTRY_VIP_ADDRESS4,
  ENTRY_VIP_ADDRESS6,
  HEADER_ROLE,
  ROLE_SWITCH,
  SLOT_ENTRY,
  SLOT_LENGTH,
  SLOT_PACKET,
} from '../layout';
import { Counters } from '../counters';
import { Checksum } from '../rewrite/checksum';
import { Options } from '../rewrite/options';
import { COUNTER_ICMP_ERRORS } from '../verdict';
import { IPV4_CHECKSUM, IPV4_DESTINATION, IPV4_SOURCE, IPV4_TTL } from '../wire/ipv4';
import { IPV6_DESTINATION, IPV6_HOP_LIMIT, IPV6_SOURCE } from '../wire/ipv6';
import { TCP_CHECKSUM, TCP_SEQUENCE, TCP_SOURCE_PORT } from '../wire/tcp';
import { IcmpPacket } from './message';
import { Splice } from '../splice';
import { Quoted } from './quoted';

const HOP_LIMIT: u32 = 64;
/** the quoted packet goes on at least to here if its checksum is quoted */
const CHECKSUM_END: usize = TCP_CHECKSUM + 2;

export class IcmpRewrite {
  /**
   * Sends an error the way of its connection's packets, quoting the packet as its receiver knows it:
   * the switch knows the server by its handoff address, the server's kernel by its service address and
   * its own sequence numbers. The quoted checksums follow, though no kernel looks at them.
   *
   * Its source is the VIP from here on: the router that made the error, or the server's host itself,
   * would take its own address, coming in from elsewhere, for forged (RFC 1812 section 5.3.8), and a
   * server needs no more.
   */
  static error(worker: usize, slot: usize, entry: usize): void {
    const packet = slot + SLOT_PACKET;
    const atSwitch = load<u32>(0, HEADER_ROLE) == ROLE_SWITCH;
    const quoted = Quoted.of(packet);
    const end = packet + load<u32>(slot, SLOT_LENGTH);
    const change = IcmpPacket.isSix(packet)
      ? IcmpRewrite.addresses6(packet, quoted, entry, atSwitch)
      : IcmpRewrite.addresses4(packet, quoted, entry, atSwitch);
    const tcp = quoted + IcmpPacket.headerSize(packet);
    IcmpRewrite.tcp(tcp, end, entry, change, atSwitch);
    if (Splice.isOn()) {
      Splice.error(packet, quoted, tcp, IcmpPacket.isSix(packet), load<u32>(slot, SLOT_ENTRY));
    }
    IcmpPacket.complete(slot);
    Counters.add(worker, COUNTER_ICMP_ERRORS, 1);
  }

  /** Returns the change of the quoted address. */
  private static addresses4(packet: usize, quoted: usize, entry: usize, atSwitch: bool): u64 {
    const server = load<u32>(entry, ENTRY_SERVER_ADDRESS4);
    const local = load<u32>(packet, IPV4_DESTINATION);
    store<u32>(packet, atSwitch ? local : load<u32>(entry, ENTRY_VIP_ADDRESS4), IPV4_SOURCE);
    if (atSwitch) store<u8>(packet, HOP_LIMIT, IPV4_TTL);
    store<u32>(packet, server, IPV4_DESTINATION);
    store<u32>(quoted, server, IPV4_SOURCE);
    const change = Checksum.change32(local, server);
    Checksum.update(quoted + IPV4_CHECKSUM, change);
    return change;
  }

  private static addresses6(packet: usize, quoted: usize, entry: usize, atSwitch: bool): u64 {
    const local = packet + IPV6_DESTINATION;
    const change = Checksum.change128(local, entry + ENTRY_SERVER_ADDRESS6);
    v128.store(packet, v128.load(atSwitch ? local : entry + ENTRY_VIP_ADDRESS6), IPV6_SOURCE);
    if (atSwitch) store<u8>(packet, HOP_LIMIT, IPV6_HOP_LIMIT);
    const server = v128.load(entry, ENTRY_SERVER_ADDRESS6);
    v128.store(local, server);
    v128.store(quoted, server, IPV6_SOURCE);
    return change;
  }

  private static tcp(tcp: usize, end: usize, entry: usize, change: u64, atSwitch: bool): void {
    const port = load<u16>(entry, ENTRY_SERVER_PORT);
    let sum = change + Checksum.change16(load<u16>(tcp, TCP_SOURCE_PORT), port);
    store<u16>(tcp, port, TCP_SOURCE_PORT);
    if (!atSwitch) {
      sum += Options.add(tcp, tcp + TCP_SEQUENCE, load<u32>(entry, ENTRY_SEQUENCE_DELTA));
    }
    if (tcp + CHECKSUM_END <= end) Checksum.update(tcp + TCP_CHECKSUM, sum);
  }
}
