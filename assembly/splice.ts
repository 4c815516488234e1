// Splicing: the server is another host without an agent, and knows the client by an address of ours,
// so that what it sends comes back through here. Address and port follow from the entry's index: no
// second table, nothing to give or take back. The agent's translation sees only the true client.
import { SPLICE_PORT_BITS, SPLICE_PORT_FIRST } from './calls';
import {
  ENTRY_CLIENT_ADDRESS4,
  ENTRY_CLIENT_ADDRESS6,
  ENTRY_CLIENT_PORT,
  ENTRY_FLAGS,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_ADDRESS6,
  ENTRY_SERVER_PORT,
  FLAG_IPV6,
  HEADER_ENTRY_COUNT,
  HEADER_SERVICE_NETWORK4,
  HEADER_SERVICE_NETWORK6,
  HEADER_SPLICES,
  SLOT_PACKET,
  SLOT_VNET,
} from './layout';
import { Chain } from './lookup/chain';
import { Pool } from './lookup/pool';
import { Reader } from './lookup/reader';
import { Checksum } from './rewrite/checksum';
import { IPV4_CHECKSUM, IPV4_DESTINATION, IPV4_HEADER_SIZE, IPV4_SOURCE } from './wire/ipv4';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE, IPV6_SOURCE } from './wire/ipv6';
import { TCP_DESTINATION_PORT, TCP_SOURCE_PORT } from './wire/tcp';

/** The end of an address that counts the splice addresses: its last 32 bits. */
const LAST_WORD: usize = 12;

export class Splice {
  @inline
  static isOn(): bool {
    return load<u32>(0, HEADER_SPLICES) != 0;
  }

  /**
   * The entry that a server's packet belongs to, copied to `copy`; the packet's destination becomes
   * the client. 0 when there is none. A packet that was changed already is not asked about again.
   */
  static find(slot: usize, six: bool, index: u32, copy: usize): usize {
    if (index >= load<u32>(0, HEADER_ENTRY_COUNT)) return 0;
    const entry = Pool.entry(index);
    if (!Reader.entry(entry, copy)) return 0;
    if (!Splice.isServers(slot + SLOT_PACKET, six, copy)) return 0;
    const client = copy + (six ? ENTRY_CLIENT_ADDRESS6 : ENTRY_CLIENT_ADDRESS4);
    const at = six ? IPV6_DESTINATION : IPV4_DESTINATION;
    Splice.aim(slot, six, at, TCP_DESTINATION_PORT, client, load<u16>(copy, ENTRY_CLIENT_PORT));
    return entry;
  }

  /** Index of the entry that a splice address and port stand for; too large when they are for none. */
  static index(packet: usize, six: bool): u32 {
    const tcp = packet + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    const port = <u32>bswap<u16>(load<u16>(tcp, TCP_DESTINATION_PORT));
    const place = Splice.word(packet + (six ? IPV6_DESTINATION : IPV4_DESTINATION), six);
    const number = place - Splice.word(Splice.network(six), six) - 1;
    if (port < <u32>SPLICE_PORT_FIRST || number > 0xffff) return 0xffffffff;
    return (number << SPLICE_PORT_BITS) + (port - SPLICE_PORT_FIRST);
  }

  /** The client's packet, translated for the server, leaves with a source of ours. */
  static outward(slot: usize, six: bool, index: u32, scratch: usize): void {
    const at = six ? IPV6_SOURCE : IPV4_SOURCE;
    Splice.place(six, index, scratch);
    Splice.aim(slot, six, at, TCP_SOURCE_PORT, scratch, Splice.port(index));
  }

  /**
   * An ICMP error for the server, translated but for the client's end: quoted is a packet to our
   * address, and the error comes from there. Its checksum is still to be set.
   */
  static error(packet: usize, quoted: usize, tcp: usize, six: bool, index: u32): void {
    if (six) {
      Splice.place(true, index, packet + IPV6_SOURCE);
      v128.store(quoted, v128.load(packet, IPV6_SOURCE), IPV6_DESTINATION);
    } else {
      Splice.place(false, index, packet + IPV4_SOURCE);
      const fresh = load<u32>(packet, IPV4_SOURCE);
      const change = Checksum.change32(load<u32>(quoted, IPV4_DESTINATION), fresh);
      store<u32>(quoted, fresh, IPV4_DESTINATION);
      Checksum.update(quoted + IPV4_CHECKSUM, change);
    }
    store<u16>(tcp, Splice.port(index), TCP_DESTINATION_PORT);
  }

  private static isServers(packet: usize, six: bool, copy: usize): bool {
    const tcp = packet + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    if (load<u16>(tcp, TCP_SOURCE_PORT) != load<u16>(copy, ENTRY_SERVER_PORT)) return false;
    if (((load<u32>(copy, ENTRY_FLAGS) & FLAG_IPV6) != 0) != six) return false;
    return six
      ? Chain.same16(packet + IPV6_SOURCE, copy + ENTRY_SERVER_ADDRESS6)
      : load<u32>(packet, IPV4_SOURCE) == load<u32>(copy, ENTRY_SERVER_ADDRESS4);
  }

  /** Network order. */
  @inline
  private static port(index: u32): u16 {
    return bswap<u16>(<u16>(SPLICE_PORT_FIRST + (index & ((1 << SPLICE_PORT_BITS) - 1))));
  }

  @inline
  private static network(six: bool): usize {
    return six ? HEADER_SERVICE_NETWORK6 : HEADER_SERVICE_NETWORK4;
  }

  /** Of an address the part that is counted, in host order. */
  @inline
  private static word(address: usize, six: bool): u32 {
    return bswap<u32>(load<u32>(address + (six ? LAST_WORD : 0)));
  }

  /** Writes the splice address of an entry; the first of the prefix is the network's own. */
  private static place(six: bool, index: u32, to: usize): void {
    const network = Splice.network(six);
    const word = bswap<u32>(Splice.word(network, six) + 1 + (index >> SPLICE_PORT_BITS));
    if (six) v128.store(to, v128.load(network));
    store<u32>(to + (six ? LAST_WORD : 0), word);
  }

  /** One end of a packet becomes another one; checksums follow. */
  private static aim(
    slot: usize,
    six: bool,
    at: usize,
    portAt: usize,
    address: usize,
    port: u16,
  ): void {
    const packet = slot + SLOT_PACKET;
    const tcp = packet + (six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE);
    let change: u64 = 0;
    if (six) {
      change = Checksum.change128(packet + at, address);
      v128.store(packet + at, v128.load(address));
    } else {
      change = Checksum.change32(load<u32>(packet + at), load<u32>(address));
      store<u32>(packet + at, load<u32>(address));
      Checksum.update(packet + IPV4_CHECKSUM, change);
    }
    const ports = Checksum.change16(load<u16>(tcp + portAt), port);
    store<u16>(tcp + portAt, port);
    Checksum.updateTcp(tcp, slot + SLOT_VNET, change + ports, Checksum.fold(change));
  }
}
