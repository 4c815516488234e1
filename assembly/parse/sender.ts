// Whether a packet can come from a client at all: what no host may have as its source.
import { Chain } from '../lookup/chain';
import { IPV4_DESTINATION, IPV4_SOURCE } from '../wire/ipv4';
import { IPV6_DESTINATION, IPV6_SOURCE } from '../wire/ipv6';
import { TCP_SOURCE_PORT } from '../wire/tcp';

const THIS_NETWORK: u32 = 0; // first byte of 0.0.0.0/8
const LOOPBACK: u32 = 127;
const MULTICAST_FIRST: u32 = 224;
const MULTICAST_LAST: u32 = 239;
const LIMITED_BROADCAST: u32 = 0xffffffff;
const MULTICAST6: u32 = 0xff;
const MAPPED_WORD: u32 = 0xffff0000; // bytes 00 00 ff ff, before an IPv4 address

/**
 * Addresses of RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5, as Linux drops them. Looked at
 * where a connection begins: the packets behind it come from the same address.
 */
export class Sender {
  static isPossible(packet: usize, tcp: usize, six: bool): bool {
    // port 0 is reserved (RFC 6335 section 6)
    if (load<u16>(tcp, TCP_SOURCE_PORT) == 0) return false;
    return six ? Sender.isHost6(packet) : Sender.isHost4(packet);
  }

  @inline
  private static isHost4(packet: usize): bool {
    const source = load<u32>(packet, IPV4_SOURCE);
    const first = source & 0xff;
    if (first == THIS_NETWORK || first == LOOPBACK || source == LIMITED_BROADCAST) return false;
    if (first >= MULTICAST_FIRST && first <= MULTICAST_LAST) return false;
    // from itself to itself: an answer would come back for ever
    return source != load<u32>(packet, IPV4_DESTINATION);
  }

  /** Neither unspecified, loopback, multicast nor an IPv4 address in disguise. */
  @inline
  private static isHost6(packet: usize): bool {
    const source = packet + IPV6_SOURCE;
    if (<u32>load<u8>(source) == MULTICAST6) return false;
    if (Chain.same16(source, packet + IPV6_DESTINATION)) return false;
    if (load<u64>(source) != 0) return true;
    const third = load<u32>(source + 8);
    if (third == MAPPED_WORD) return false;
    return third != 0 || bswap<u32>(load<u32>(source + 12)) > 1;
  }
}
