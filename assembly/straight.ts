// The common case at the switch, without a copy: a packet of a connection in FORWARD. What the rewrite
// needs of the entry fits in a few words: they are read, the bucket's version is compared, and only
// then the packet is touched. Everything else takes the general path.
import {
  BUCKET_HEAD,
  CHAIN_LIMIT,
  ENTRY_CLIENT_ADDRESS4,
  ENTRY_CLIENT_ADDRESS6,
  ENTRY_CLIENT_PORT,
  ENTRY_LAST_SEEN,
  ENTRY_LOCAL_ADDRESS4,
  ENTRY_LOCAL_ADDRESS6,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_ADDRESS6,
  ENTRY_SERVER_PORT,
  ENTRY_STATE,
  ENTRY_TO_SERVER_ADDRESS_DELTA,
  ENTRY_TO_SERVER_PORT_DELTA,
  HEADER_ROLE,
  ROLE_SWITCH,
  SLOT_ENTRY,
  SLOT_LENGTH,
  SLOT_PACKET,
  SLOT_VNET,
  STATE_FORWARD,
  VERSION_LOCKED,
  WORKER_SECOND,
  WORKER_TOUCHED,
} from './layout';
import { Atomic } from './lookup/atomic';
import { Chain } from './lookup/chain';
import { Hash } from './lookup/hash';
import { Pool } from './lookup/pool';
import { Packet } from './parse/packet';
import { ToServer } from './rewrite/to-server';
import { IPV4_DESTINATION, IPV4_HEADER_SIZE, IPV4_SOURCE } from './wire/ipv4';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE, IPV6_SOURCE } from './wire/ipv6';

/** Added to the bucket's address that the first stage leaves: the packet is an IPv6 one. */
const SIX: u32 = 1;

export class Straight {
  /**
   * First stage: leaves each plain packet's bucket in SLOT_ENTRY (SIX added if it is an IPv6 one; 0 for
   * what is not plain), then touches what the second stage will read. Short loops keep many cache
   * misses under way at once.
   */
  @inline
  static stage(worker: usize, first: u32, end: u32, stride: u32): void {
    for (let slot = first; slot != end; slot += stride) {
      store<u32>(slot, Straight.bucket(slot), SLOT_ENTRY);
    }
    let touched: u32 = 0;
    for (let slot = first; slot != end; slot += stride) {
      const bucket = load<u32>(slot, SLOT_ENTRY);
      // without a bucket this reads the header record's role, which is 0: as an empty bucket
      const next = load<u32>(<usize>(bucket & ~SIX), BUCKET_HEAD);
      const entry = Pool.entry(next - u32(next != 0));
      touched |= load<u32>(entry);
      if (bucket & SIX) touched |= load<u32>(entry, ENTRY_CLIENT_ADDRESS6); // its second cache line
    }
    store<u32>(worker, touched, WORKER_TOUCHED);
  }

  /** Second stage. True: forwarded. */
  @inline
  static packet(worker: usize, slot: usize): bool {
    const bucket = load<u32>(slot, SLOT_ENTRY);
    if (bucket == 0) return false;
    return (bucket & SIX) == 0
      ? Straight.packet4(worker, slot, <usize>bucket)
      : Straight.packet6(worker, slot, <usize>(bucket ^ SIX));
  }

  /** The bucket of a plain packet, with SIX when it is an IPv6 one; 0 for others. */
  @inline
  private static bucket(slot: usize): u32 {
    const packet = slot + SLOT_PACKET;
    const length = load<u32>(slot, SLOT_LENGTH);
    if (Packet.isPlain4(packet, length)) {
      const port = load<u32>(packet, IPV4_HEADER_SIZE) & 0xffff;
      return <u32>Chain.bucket(Hash.keyed4(load<u32>(packet, IPV4_SOURCE), port));
    }
    if (Packet.isPlain6(packet, length)) {
      const port = load<u32>(packet, IPV6_HEADER_SIZE) & 0xffff;
      return (<u32>Chain.bucket(Hash.keyed6(packet + IPV6_SOURCE, port))) | SIX;
    }
    return 0;
  }

  @inline
  private static packet4(worker: usize, slot: usize, bucket: usize): bool {
    const packet = slot + SLOT_PACKET;
    const client = load<u32>(packet, IPV4_SOURCE);
    const local = load<u32>(packet, IPV4_DESTINATION);
    const ports = load<u32>(packet, IPV4_HEADER_SIZE);
    const version = Atomic.load(bucket);
    let next = load<u32>(bucket, BUCKET_HEAD);
    for (let steps: u32 = CHAIN_LIMIT; next != 0 && steps != 0; --steps) {
      const entry = Pool.entry(next - 1);
      const differs =
        (load<u32>(entry, ENTRY_CLIENT_ADDRESS4) ^ client) |
        (load<u32>(entry, ENTRY_CLIENT_PORT) ^ ports) |
        (load<u32>(entry, ENTRY_LOCAL_ADDRESS4) ^ local);
      if (differs == 0) {
        store<u32>(slot, next - 1, SLOT_ENTRY);
        return Straight.forward4(worker, slot, bucket, version, entry);
      }
      next = load<u32>(entry);
    }
    return false;
  }

  @inline
  private static forward4(
    worker: usize,
    slot: usize,
    bucket: usize,
    version: u32,
    entry: usize,
  ): bool {
    const state = load<u32>(entry, ENTRY_STATE) ^ STATE_FORWARD;
    const lastSeen = load<u32>(entry, ENTRY_LAST_SEEN);
    const server = load<u64>(entry, ENTRY_SERVER_ADDRESS4); // address, port
    const deltas = load<u32>(entry, ENTRY_TO_SERVER_ADDRESS_DELTA); // address's, port's
    if (state | Straight.changed(bucket, version)) return false;
    Straight.touch(worker, entry, lastSeen);
    ToServer.switch4(slot + SLOT_PACKET, slot + SLOT_VNET, server, deltas);
    return true;
  }

  @inline
  private static packet6(worker: usize, slot: usize, bucket: usize): bool {
    const packet = slot + SLOT_PACKET;
    const client = v128.load(packet, IPV6_SOURCE);
    const local = v128.load(packet, IPV6_DESTINATION);
    const ports = load<u32>(packet, IPV6_HEADER_SIZE);
    const version = Atomic.load(bucket);
    let next = load<u32>(bucket, BUCKET_HEAD);
    for (let steps: u32 = CHAIN_LIMIT; next != 0 && steps != 0; --steps) {
      const entry = Pool.entry(next - 1);
      // those fields of an IPv4 entry are 0, which is no address of a client
      const differs = v128.or(
        v128.xor(v128.load(entry, ENTRY_CLIENT_ADDRESS6), client),
        v128.xor(v128.load(entry, ENTRY_LOCAL_ADDRESS6), local),
      );
      if (load<u32>(entry, ENTRY_CLIENT_PORT) == ports && !v128.any_true(differs)) {
        store<u32>(slot, next - 1, SLOT_ENTRY);
        return Straight.forward6(worker, slot, bucket, version, entry);
      }
      next = load<u32>(entry);
    }
    return false;
  }

  @inline
  private static forward6(
    worker: usize,
    slot: usize,
    bucket: usize,
    version: u32,
    entry: usize,
  ): bool {
    const state = load<u32>(entry, ENTRY_STATE) ^ STATE_FORWARD;
    const lastSeen = load<u32>(entry, ENTRY_LAST_SEEN);
    const address = v128.load(entry, ENTRY_SERVER_ADDRESS6);
    const port = <u32>load<u16>(entry, ENTRY_SERVER_PORT);
    const deltas = load<u32>(entry, ENTRY_TO_SERVER_ADDRESS_DELTA); // address's, port's
    if (state | Straight.changed(bucket, version)) return false;
    Straight.touch(worker, entry, lastSeen);
    ToServer.switch6(slot + SLOT_PACKET, slot + SLOT_VNET, address, port, deltas);
    return true;
  }

  /** Not 0 when a writer was at work since the version was read. */
  @inline
  private static changed(bucket: usize, version: u32): u32 {
    return (version & VERSION_LOCKED) | (Atomic.load(bucket) ^ version);
  }

  @inline
  private static touch(worker: usize, entry: usize, lastSeen: u32): void {
    const second = load<u32>(worker, WORKER_SECOND);
    if (lastSeen != second) store<u32>(entry, second, ENTRY_LAST_SEEN);
  }
}

// read together, as one word each
if (ENTRY_SERVER_PORT != ENTRY_SERVER_ADDRESS4 + 4) ERROR('layout: server address and port');
if (ROLE_SWITCH != 0 || HEADER_ROLE != BUCKET_HEAD) ERROR('layout: role, read as a bucket');
if (ENTRY_TO_SERVER_PORT_DELTA != ENTRY_TO_SERVER_ADDRESS_DELTA + 2) ERROR('layout: deltas');
