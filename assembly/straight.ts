// The common case at the switch, without a copy: an IPv4 packet of a connection in FORWARD. What
// the rewrite needs of the entry fits in five words: they are read, the bucket's version is
// compared, and only then the packet is touched. Everything else takes the general path.
import {
  BUCKET_HEAD,
  CHAIN_LIMIT,
  ENTRY_CLIENT_ADDRESS4,
  ENTRY_CLIENT_PORT,
  ENTRY_LAST_SEEN,
  ENTRY_LOCAL_ADDRESS4,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_PORT,
  ENTRY_STATE,
  ENTRY_TO_SERVER_ADDRESS_DELTA,
  ENTRY_TO_SERVER_PORT_DELTA,
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

export class Straight {
  /**
   * First stage: leaves each plain packet's bucket in SLOT_ENTRY (0 for others) and touches what the
   * second stage will read. A short loop keeps many cache misses under way at once.
   */
  @inline
  static stage(worker: usize, first: u32, end: u32, stride: u32): void {
    let touched: u32 = 0;
    for (let slot = first; slot != end; slot += stride) {
      const packet = <usize>slot + SLOT_PACKET;
      let bucket: usize = 0;
      if (Packet.isPlain4(packet, load<u32>(slot, SLOT_LENGTH))) {
        const ports = load<u32>(packet, IPV4_HEADER_SIZE);
        bucket = Chain.bucket(Hash.keyed4(load<u32>(packet, IPV4_SOURCE), ports & 0xffff));
        const next = load<u32>(bucket, BUCKET_HEAD);
        if (next != 0) touched |= load<u32>(Pool.entry(next - 1));
      }
      store<u32>(slot, <u32>bucket, SLOT_ENTRY);
    }
    store<u32>(worker, touched, WORKER_TOUCHED);
  }

  /** Second stage. True: forwarded. */
  @inline
  static packet(worker: usize, slot: usize): bool {
    const bucket = <usize>load<u32>(slot, SLOT_ENTRY);
    if (bucket == 0) return false;
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
        return Straight.forward(worker, slot, bucket, version, entry);
      }
      next = load<u32>(entry);
    }
    return false;
  }

  @inline
  private static forward(
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
    if (state | (version & VERSION_LOCKED) | (Atomic.load(bucket) ^ version)) return false;
    const second = load<u32>(worker, WORKER_SECOND);
    if (lastSeen != second) store<u32>(entry, second, ENTRY_LAST_SEEN);
    ToServer.switch4(slot + SLOT_PACKET, slot + SLOT_VNET, server, deltas);
    return true;
  }
}

// read together, as one word each
if (ENTRY_SERVER_PORT != ENTRY_SERVER_ADDRESS4 + 4) ERROR('layout: server address and port');
if (ENTRY_TO_SERVER_PORT_DELTA != ENTRY_TO_SERVER_ADDRESS_DELTA + 2) ERROR('layout: deltas');
