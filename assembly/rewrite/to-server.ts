import {
  ENTRY_SEQUENCE_DELTA,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_ADDRESS6,
  ENTRY_SERVER_PORT,
  ENTRY_TIMESTAMP_OFFSET,
  ENTRY_TO_SERVER_ADDRESS_DELTA,
  ENTRY_TO_SERVER_PORT_DELTA,
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

  /** The same for IPv4, with what it needs of the entry: `server` = address | port << 32, `deltas` = both. */
  @inline
  static switch4(packet: usize, vnet: usize, server: u64, deltas: u32): void {
    const address = deltas & 0xffff;
    const old = <u32>load<u8>(packet + IPV4_TTL);
    store<u8>(packet + IPV4_TTL, HOP_LIMIT);
    store<u32>(packet + IPV4_DESTINATION, <u32>server);
    Checksum.updateSmall(packet + IPV4_CHECKSUM, address + HOP_LIMIT + (old ^ 0xffff));
    const tcp = packet + IPV4_HEADER_SIZE;
    ToServer.port(tcp, vnet, <u32>(server >> 32), deltas);
  }

  /** The same for IPv6, whose header has no checksum. */
  @inline
  static switch6(packet: usize, vnet: usize, address: v128, port: u32, deltas: u32): void {
    store<u8>(packet + IPV6_HOP_LIMIT, HOP_LIMIT);
    v128.store(packet + IPV6_DESTINATION, address);
    ToServer.port(packet + IPV6_HEADER_SIZE, vnet, port, deltas);
  }

  /** Port and TCP checksum, the latter also of the addresses' change. */
  @inline
  private static port(tcp: usize, vnet: usize, port: u32, deltas: u32): void {
    store<u16>(tcp + TCP_DESTINATION_PORT, <u16>port);
    const address = deltas & 0xffff;
    if ((load<u8>(vnet + VNET_FLAGS) & VNET_NEEDS_CSUM) == 0) {
      Checksum.updateSmall(tcp + TCP_CHECKSUM, address + (deltas >> 16));
    } else {
      Checksum.updateTcp(tcp, vnet, 0, address);
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
