// The table's hash of a client's address and port. Everything is mixed before anything is folded:
// XOR of address and port alone loses what differs, and clients behind one NAT then share a bucket.
import { TUPLE_CLIENT_ADDRESS, TUPLE_CLIENT_PORT, TUPLE_FAMILY } from '../calls';
import { HEADER_HASH_SEED, HEADER_TABLE_MODE, TABLE_PAPER } from '../layout';

const MULTIPLIER_A: u64 = 0x9e3779b97f4a7c15;
const MULTIPLIER_B: u64 = 0xd1b54a32d192ed03;
/** Offset of an IPv6 address's second half. */
const SECOND_HALF = 8;

export class Hash {
  @inline
  static client4(address: u32, port: u32, paper: bool): u32 {
    return paper ? Hash.paper4(address, port) : Hash.keyed4(address, port);
  }

  @inline
  static client6(address: usize, port: u32, paper: bool): u32 {
    return paper ? Hash.paper6(address, port) : Hash.keyed6(address, port);
  }

  @inline
  static keyed4(address: u32, port: u32): u32 {
    return Hash.mix((<u64>address) | ((<u64>port) << 32));
  }

  @inline
  static keyed6(address: usize, port: u32): u32 {
    let mixed = (load<u64>(address) ^ load<u64>(0, HEADER_HASH_SEED + 8)) * MULTIPLIER_A;
    mixed ^= mixed >> 32;
    mixed = (mixed ^ load<u64>(address, SECOND_HALF)) * MULTIPLIER_B;
    mixed ^= mixed >> 29;
    return Hash.mix(mixed + ((<u64>port) << 32));
  }

  /** Two multiplications by a factor that nobody outside knows (memory-map.ts makes it odd). */
  @inline
  static mix(value: u64): u32 {
    const factor = load<u64>(0, HEADER_HASH_SEED + 8);
    let mixed = (value ^ load<u64>(0, HEADER_HASH_SEED)) * factor;
    mixed ^= mixed >> 32;
    return <u32>((mixed * factor) >> 32);
  }

  /** The papers' hash: client address XOR port, as numbers. */
  @inline
  static paper4(address: u32, port: u32): u32 {
    return bswap<u32>(address) ^ (<u32>bswap<u16>(<u16>port));
  }

  @inline
  static paper6(address: usize, port: u32): u32 {
    const folded = load<u64>(address) ^ load<u64>(address, SECOND_HALF);
    return Hash.paper4((<u32>folded) ^ (<u32>(folded >> 32)), port);
  }

  /** The hash that the table files a tuple (layout.ts, TUPLE_*) under. */
  @inline
  static tuple(tuple: usize): u32 {
    return Hash.tupleIn(tuple, load<u32>(0, HEADER_TABLE_MODE) == TABLE_PAPER);
  }

  @inline
  static tupleIn(tuple: usize, paper: bool): u32 {
    const port = <u32>load<u16>(tuple, TUPLE_CLIENT_PORT);
    const client = tuple + TUPLE_CLIENT_ADDRESS;
    return load<u8>(tuple, TUPLE_FAMILY) == 6
      ? Hash.client6(client, port, paper)
      : Hash.client4(load<u32>(client), port, paper);
  }
}
