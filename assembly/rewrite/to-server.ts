import {
  ENTRY_SEQUENCE_DELTA,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_ADDRESS6,
  ENTRY_SERVER_PORT,
  ENTRY_TIMESTAMP_OFFSET,
  ENTRY_TO_SERVER_ADDRESS_DELTA,
  ENTRY_TO_SERVER_PORT_DELTA,
  SLOT_PACKET,
  SLOT_VNET,
} from '../layout';
import { IPV4_CHECKSUM, IPV4_DESTINATION, IPV4_HEADER_SIZE, IPV4_TTL } from '../wire/ipv4';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE, IPV6_HOP_LIMIT } from '../wire/ipv6';
import {
  TCP_ACK,
  TCP_ACKNOWLEDGMENT,
  TCP_CHECKSUM,
  TCP_DESTINATION_PORT,
  TCP_FLAGS,
} from '../wire/tcp';
import { VNET_FLAGS, VNET_NEEDS_CSUM } from '../wire/vnet';
import { Checksum } from './checksum';
import { Options } from './options';

const HOP_LIMIT: u32 = 64;
const PROTOCOL_TCP: u32 = 6;
const TCP4: usize = SLOT_PACKET + IPV4_HEADER_SIZE;

/** Client to server. The caller has parsed the packet and found its entry. */
export class ToServer {
  /**
   * At the switch: the packet goes to the handoff address; no hop behind the switch shows in a
   * traceroute.
   */
  @inline
  static switch(packet: usize, tcp: usize, vnet: usize, entry: usize): void {
    const address = <u32>load<u16>(entry + ENTRY_TO_SERVER_ADDRESS_DELTA);
    const port = <u32>load<u16>(entry + ENTRY_TO_SERVER_PORT_DELTA);
    if (load<u8>(packet) >> 4 == 4) {
      const old = <u32>load<u8>(packet + IPV4_TTL);
      store<u8>(packet + IPV4_TTL, HOP_LIMIT);
      store<u32>(packet + IPV4_DESTINATION, load<u32>(entry + ENTRY_SERVER_ADDRESS4));
      const change = Checksum.change16(old, HOP_LIMIT) + <u64>address;
      Checksum.update(packet + IPV4_CHECKSUM, change);
    } else {
      store<u8>(packet + IPV6_HOP_LIMIT, HOP_LIMIT);
      v128.store(packet + IPV6_DESTINATION, v128.load(entry + ENTRY_SERVER_ADDRESS6));
    }
    store<u16>(tcp + TCP_DESTINATION_PORT, load<u16>(entry + ENTRY_SERVER_PORT));
    Checksum.updateTcp(tcp, vnet, <u64>(address + port), address);
  }

  /**
   * The same for a plain IPv4 packet in a slot, with what it needs of the entry: `server` = address |
   * port << 32, `deltas` = both.
   */
  @inline
  static switch4(slot: usize, server: u64, deltas: u32): void {
    const address = deltas & 0xffff;
    const old = load<u32>(slot, SLOT_PACKET + IPV4_TTL); // TTL, protocol, checksum
    store<u32>(slot, <u32>server, SLOT_PACKET + IPV4_DESTINATION);
    const change = address + HOP_LIMIT + ((old & 0xff) ^ 0xffff);
    const checksum = Checksum.changed(old >> 16, change) & 0xffff0000;
    store<u32>(slot, checksum | (PROTOCOL_TCP << 8) | HOP_LIMIT, SLOT_PACKET + IPV4_TTL);
    ToServer.port(slot, slot, <u32>(server >> 32), deltas);
  }

  /** The same for IPv6, whose header has no checksum. */
  @inline
  static switch6(slot: usize, address: v128, port: u32, deltas: u32): void {
    store<u8>(slot, HOP_LIMIT, SLOT_PACKET + IPV6_HOP_LIMIT);
    v128.store(slot, address, SLOT_PACKET + IPV6_DESTINATION);
    ToServer.port(slot, slot + (IPV6_HEADER_SIZE - IPV4_HEADER_SIZE), port, deltas);
  }

  /**
   * Port and TCP checksum, the latter also of the addresses' change; `like4` is where the slot of an
   * IPv4 packet with its TCP header there would be.
   */
  @inline
  private static port(slot: usize, like4: usize, port: u32, deltas: u32): void {
    store<u16>(like4, <u16>port, TCP4 + TCP_DESTINATION_PORT);
    const address = deltas & 0xffff;
    if ((load<u8>(slot, SLOT_VNET + VNET_FLAGS) & VNET_NEEDS_CSUM) == 0) {
      const old = <u32>load<u16>(like4, TCP4 + TCP_CHECKSUM);
      const checksum = Checksum.changed(old, address + (deltas >> 16)) >> 16;
      store<u16>(like4, checksum, TCP4 + TCP_CHECKSUM);
    } else {
      Checksum.updateTcp(like4 + TCP4, slot + SLOT_VNET, 0, address);
    }
  }

  /**
   * At the agent: the packet goes to the service address, and its acknowledgments count as the
   * server does.
   */
  @inline
  static agent(packet: usize, tcp: usize, end: usize, vnet: usize, entry: usize): void {
    const address = <u32>load<u16>(entry + ENTRY_TO_SERVER_ADDRESS_DELTA);
    const port = <u32>load<u16>(entry + ENTRY_TO_SERVER_PORT_DELTA);
    const delta = load<u32>(entry + ENTRY_SEQUENCE_DELTA);
    let change = <u64>(address + port);
    if (load<u8>(packet) >> 4 == 4) {
      store<u32>(packet + IPV4_DESTINATION, load<u32>(entry + ENTRY_SERVER_ADDRESS4));
      Checksum.update(packet + IPV4_CHECKSUM, <u64>address);
    } else {
      v128.store(packet + IPV6_DESTINATION, v128.load(entry + ENTRY_SERVER_ADDRESS6));
    }
    store<u16>(tcp + TCP_DESTINATION_PORT, load<u16>(entry + ENTRY_SERVER_PORT));
    // without the flag the field means nothing and must stay (a SYN, a bare RST)
    if (load<u8>(tcp + TCP_FLAGS) & TCP_ACK) {
      change += Options.add(tcp, tcp + TCP_ACKNOWLEDGMENT, delta);
    }
    change += Options.toServer(tcp, end, delta, load<u32>(entry + ENTRY_TIMESTAMP_OFFSET));
    Checksum.updateTcp(tcp, vnet, change, address);
  }
}

// read and written together
if (IPV4_CHECKSUM != IPV4_TTL + 2) ERROR('wire: TTL, protocol, checksum');
