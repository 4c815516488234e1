import {
  ENTRY_SEQUENCE_DELTA,
  ENTRY_SERVER_SCALE,
  ENTRY_SWITCH_SCALE,
  ENTRY_TIMESTAMP_OFFSET,
  ENTRY_TO_CLIENT_ADDRESS_DELTA,
  ENTRY_TO_CLIENT_PORT_DELTA,
  ENTRY_VIP_ADDRESS4,
  ENTRY_VIP_ADDRESS6,
  ENTRY_VIP_PORT,
} from '../layout';
import { IPV4_CHECKSUM, IPV4_SOURCE } from '../wire/ipv4';
import { IPV6_SOURCE } from '../wire/ipv6';
import { TCP_FLAGS, TCP_SEQUENCE, TCP_SOURCE_PORT, TCP_SYN, TCP_WINDOW } from '../wire/tcp';
import { Checksum } from './checksum';
import { Options } from './options';

/**
 * Server to client, at the agent: the packet comes from the VIP and counts as the switch promised.
 */
export class ToClient {
  @inline
  static agent(packet: usize, tcp: usize, end: usize, vnet: usize, entry: usize): void {
    const address = <u32>load<u16>(entry + ENTRY_TO_CLIENT_ADDRESS_DELTA);
    const port = <u32>load<u16>(entry + ENTRY_TO_CLIENT_PORT_DELTA);
    let change = <u64>(address + port);
    if (load<u8>(packet) >> 4 == 4) {
      store<u32>(packet + IPV4_SOURCE, load<u32>(entry + ENTRY_VIP_ADDRESS4));
      Checksum.update(packet + IPV4_CHECKSUM, <u64>address);
    } else {
      v128.store(packet + IPV6_SOURCE, v128.load(entry + ENTRY_VIP_ADDRESS6));
    }
    store<u16>(tcp + TCP_SOURCE_PORT, load<u16>(entry + ENTRY_VIP_PORT));
    change += Options.add(tcp, tcp + TCP_SEQUENCE, 0 - load<u32>(entry + ENTRY_SEQUENCE_DELTA));
    change += ToClient.window(tcp, entry);
    change += Options.toClient(tcp, end, load<u32>(entry + ENTRY_TIMESTAMP_OFFSET));
    Checksum.updateTcp(tcp, vnet, change, address);
  }

  /**
   * The client shifts by the scale of the switch's SYN-ACK. The window of a SYN is never scaled.
   */
  @inline
  static window(tcp: usize, entry: usize): u64 {
    const server = <u32>load<u8>(entry + ENTRY_SERVER_SCALE);
    const promised = <u32>load<u8>(entry + ENTRY_SWITCH_SCALE);
    if (server == promised || load<u8>(tcp + TCP_FLAGS) & TCP_SYN) return 0;
    const old = load<u16>(tcp + TCP_WINDOW);
    const scaled = ((<u32>bswap<u16>(old)) << server) >> promised;
    const fresh = bswap<u16>(<u16>(scaled > 0xffff ? 0xffff : scaled));
    store<u16>(tcp + TCP_WINDOW, fresh);
    return Checksum.change16(old, fresh);
  }
}
