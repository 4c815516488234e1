// A bucket's chain of entries. Every function here needs the bucket's lock, or the version check of
// reader.ts around it. The chain is whole after each single store.
import {
  BUCKET_HEAD,
  BUCKET_SIZE,
  CHAIN_LIMIT,
  ENTRY_CLIENT_ADDRESS4,
  ENTRY_CLIENT_ADDRESS6,
  ENTRY_CLIENT_PORT,
  ENTRY_FLAGS,
  ENTRY_LOCAL_ADDRESS4,
  ENTRY_LOCAL_ADDRESS6,
  ENTRY_LOCAL_PORT,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_ADDRESS6,
  ENTRY_SERVER_PORT,
  ENTRY_VIP_ADDRESS4,
  ENTRY_VIP_ADDRESS6,
  ENTRY_VIP_PORT,
  FLAG_IPV6,
  HEADER_BUCKET_BASE,
  HEADER_BUCKET_COUNT,
} from '../layout';
import { Pool } from './pool';

// What a key consists of besides the client: the address that the client's packets come to, or the
// server address that the server's packets come from.
export const KEY_LOCAL4: u32 = 0;
export const KEY_LOCAL6: u32 = 1;
export const KEY_SERVER4: u32 = 2;
export const KEY_SERVER6: u32 = 3;
export const KEY_VIP4: u32 = 4; // an agent's: what its packets to the client have as their source
export const KEY_VIP6: u32 = 5;

/** In place of an entry's address: the chain is as long as a walk may be. */
export const CHAIN_FULL: usize = 1;

const HIGH_HALF = 8;

export class Chain {
  @inline
  static bucket(hash: u32): usize {
    const index = hash & (load<u32>(0, HEADER_BUCKET_COUNT) - 1);
    return <usize>(load<u32>(0, HEADER_BUCKET_BASE) + index * BUCKET_SIZE);
  }

  /**
   * The entry of a key, 0 when there is none. `client` and `other` are addresses of addresses,
   * `ports` is client port | other port << 16, each as on the wire.
   */
  @inline
  static find(kind: u32, bucket: usize, client: usize, other: usize, ports: u32): usize {
    let next = load<u32>(bucket, BUCKET_HEAD);
    for (let steps: u32 = CHAIN_LIMIT; steps != 0; --steps) {
      if (next == 0) return 0;
      const entry = Pool.entry(next - 1);
      if (Chain.matches(kind, entry, client, other, ports)) return entry;
      next = load<u32>(entry);
    }
    return 0;
  }

  @inline
  static matches(kind: u32, entry: usize, client: usize, other: usize, ports: u32): bool {
    if (kind == KEY_LOCAL4) {
      // the IPv4 fields of an IPv6 entry are 0, which is no address of ours
      const differs =
        (load<u32>(entry, ENTRY_CLIENT_ADDRESS4) ^ load<u32>(client)) |
        (load<u32>(entry, ENTRY_CLIENT_PORT) ^ ports) |
        (load<u32>(entry, ENTRY_LOCAL_ADDRESS4) ^ load<u32>(other));
      return differs == 0;
    }
    if (kind == KEY_SERVER4) {
      const differs =
        (load<u32>(entry, ENTRY_CLIENT_ADDRESS4) ^ load<u32>(client)) |
        (Chain.serverPorts(entry) ^ ports) |
        (load<u32>(entry, ENTRY_SERVER_ADDRESS4) ^ load<u32>(other));
      return differs == 0;
    }
    if (kind == KEY_VIP4) {
      const differs =
        (load<u32>(entry, ENTRY_CLIENT_ADDRESS4) ^ load<u32>(client)) |
        (Chain.vipPorts(entry) ^ ports) |
        (load<u32>(entry, ENTRY_VIP_ADDRESS4) ^ load<u32>(other));
      return differs == 0;
    }
    if ((load<u32>(entry, ENTRY_FLAGS) & FLAG_IPV6) == 0) return false;
    if (kind == KEY_LOCAL6) {
      return (
        load<u32>(entry, ENTRY_CLIENT_PORT) == ports &&
        Chain.same16(entry + ENTRY_CLIENT_ADDRESS6, client) &&
        Chain.same16(entry + ENTRY_LOCAL_ADDRESS6, other)
      );
    }
    if (kind == KEY_VIP6) {
      return (
        Chain.vipPorts(entry) == ports &&
        Chain.same16(entry + ENTRY_CLIENT_ADDRESS6, client) &&
        Chain.same16(entry + ENTRY_VIP_ADDRESS6, other)
      );
    }
    return (
      Chain.serverPorts(entry) == ports &&
      Chain.same16(entry + ENTRY_CLIENT_ADDRESS6, client) &&
      Chain.same16(entry + ENTRY_SERVER_ADDRESS6, other)
    );
  }

  @inline
  static serverPorts(entry: usize): u32 {
    const client = <u32>load<u16>(entry, ENTRY_CLIENT_PORT);
    return client | ((<u32>load<u16>(entry, ENTRY_SERVER_PORT)) << 16);
  }

  @inline
  static vipPorts(entry: usize): u32 {
    const client = <u32>load<u16>(entry, ENTRY_CLIENT_PORT);
    return client | ((<u32>load<u16>(entry, ENTRY_VIP_PORT)) << 16);
  }

  @inline
  static same16(a: usize, b: usize): bool {
    const low = load<u64>(a) ^ load<u64>(b);
    return (low | (load<u64>(a, HIGH_HALF) ^ load<u64>(b, HIGH_HALF))) == 0;
  }

  /** Two entries, or an entry and a copy of it, have the same key. */
  @inline
  static sameKey(a: usize, b: usize): bool {
    const flags = load<u32>(a, ENTRY_FLAGS) ^ load<u32>(b, ENTRY_FLAGS);
    if ((flags & FLAG_IPV6) != 0) return false;
    return Chain.keyEquals(a, b);
  }

  /**
   * The entry with the key of an entry's image, 0 when there is none, CHAIN_FULL when no more may
   * join.
   */
  @inline
  static findImage(bucket: usize, image: usize): usize {
    let next = load<u32>(bucket, BUCKET_HEAD);
    let steps: u32 = CHAIN_LIMIT;
    let found: usize = 0;
    while (next != 0 && steps != 0) {
      const entry = Pool.entry(next - 1);
      if (Chain.sameKey(entry, image)) {
        found = entry;
        break;
      }
      next = load<u32>(entry);
      --steps;
    }
    return steps != 0 ? found : CHAIN_FULL;
  }

  @inline
  private static keyEquals(a: usize, b: usize): bool {
    const ports = load<u32>(b, ENTRY_CLIENT_PORT);
    if ((load<u32>(b, ENTRY_FLAGS) & FLAG_IPV6) != 0) {
      const client = b + ENTRY_CLIENT_ADDRESS6;
      return Chain.matches(KEY_LOCAL6, a, client, b + ENTRY_LOCAL_ADDRESS6, ports);
    }
    const client = b + ENTRY_CLIENT_ADDRESS4;
    return Chain.matches(KEY_LOCAL4, a, client, b + ENTRY_LOCAL_ADDRESS4, ports);
  }

  /** At the head: a single store makes it visible. */
  @inline
  static link(bucket: usize, entry: usize): void {
    store<u32>(entry, load<u32>(bucket, BUCKET_HEAD));
    store<u32>(bucket, Pool.index(entry) + 1, BUCKET_HEAD);
  }

  /** False when the entry does not stand in this chain. */
  @inline
  static unlink(bucket: usize, entry: usize): bool {
    const wanted = Pool.index(entry) + 1;
    let place = bucket + BUCKET_HEAD; // of the word that names the entry
    let steps: u32 = CHAIN_LIMIT;
    while (load<u32>(place) != wanted && load<u32>(place) != 0 && steps != 0) {
      place = Pool.entry(load<u32>(place) - 1);
      --steps;
    }
    const found = load<u32>(place) == wanted;
    if (found) store<u32>(place, load<u32>(entry));
    return found;
  }
}

// both ports of a key are read as one word
if (ENTRY_LOCAL_PORT != ENTRY_CLIENT_PORT + 2) ERROR('layout: ports');
