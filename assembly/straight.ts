// The common case at the switch, without a copy: packets of connections in FORWARD, in two stages. The
// first finds the entries of a batch's plain segments; the second reads what the rewrite needs of each,
// which is a few words, compares the bucket's version with the one before the entry was found, and only
// then touches the packet. Everything else takes the general path.
//
// Between the stages a slot has SLOT_BUCKET, the bucket's address, + SIX for an IPv6 packet, 0 for what is no
// plain segment; SLOT_FOUND, the entry's address, + SIX likewise, or NOT_FOUND; SLOT_VERSION, the bucket's.
//
// Why stages: short loops keep several packets, and many cache misses, under way at once.
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
  ENTRY_SIZE,
  ENTRY_STATE,
  ENTRY_TO_SERVER_ADDRESS_DELTA,
  ENTRY_TO_SERVER_PORT_DELTA,
  HEADER_ENTRY_BASE,
  HEADER_ROLE,
  ROLE_SWITCH,
  SLOT_BUCKET,
  SLOT_ENTRY,
  SLOT_FOUND,
  SLOT_LENGTH,
  SLOT_PACKET,
  SLOT_VERDICT,
  SLOT_VERSION,
  STATE_FORWARD,
  VERSION_LOCKED,
  WORKER_SECOND,
  WORKER_TOUCHED,
} from './layout';
import { Counters } from './counters';
import { Atomic } from './lookup/atomic';
import { Chain } from './lookup/chain';
import { Hash } from './lookup/hash';
import { MINIMUM4, MINIMUM6, Packet, TCP4, TCP6 } from './parse/packet';
import { ToServer } from './rewrite/to-server';
import { COUNTER_LOOKUP_RETRIES, VERDICT_FORWARD } from './verdict';
import { IPV4_DESTINATION, IPV4_HEADER_SIZE, IPV4_SOURCE } from './wire/ipv4';
import { IPV6_DESTINATION, IPV6_HEADER_SIZE, IPV6_SOURCE } from './wire/ipv6';

/** Added to an address in a slot: the packet is an IPv6 one. */
const SIX: u32 = 1;
/** In place of an entry's address: of neither family. */
const NOT_FOUND: u32 = 3;
/** From the ports of an IPv4 packet to those of an IPv6 one. */
const PORTS_APART: u32 = IPV6_HEADER_SIZE - IPV4_HEADER_SIZE;

export class Straight {
  /**
   * First stage: leaves in the slots what the second needs. `far`: the table is larger than a core's
   * own caches, so what will be read is touched before. Returns the sum of the packets' lengths.
   */
  @inline
  static stage(worker: usize, first: u32, end: u32, stride: u32, far: bool): u32 {
    let bytes: u32 = 0; // never more than the memory has
    for (let slot = first; slot != end; slot += stride) {
      const length = load<u32>(slot, SLOT_LENGTH);
      bytes += length;
      store<u32>(slot, Straight.bucket(slot, length), SLOT_BUCKET);
    }
    if (far) Straight.touch(worker, first, end, stride);
    for (let slot = first; slot != end; slot += stride) Straight.find(slot);
    return bytes;
  }

  /** The bucket of a plain packet, with SIX when it is an IPv6 one; 0 for others. */
  @inline
  private static bucket(slot: usize, length: u32): u32 {
    if (length >= MINIMUM4) {
      if (Packet.differs4(slot, length) == 0) {
        if (Packet.optionsLength(slot + TCP4) <= length - MINIMUM4) {
          const port = <u32>load<u16>(slot, TCP4);
          return <u32>Chain.bucket(Hash.keyed4(load<u32>(slot, SLOT_PACKET + IPV4_SOURCE), port));
        }
      } else if (length >= MINIMUM6) {
        if (Packet.differs6(slot, length) == 0) {
          if (Packet.optionsLength(slot + TCP6) <= length - MINIMUM6) {
            const port = <u32>load<u16>(slot, TCP6);
            const hash = Hash.keyed6(slot + SLOT_PACKET + IPV6_SOURCE, port);
            return (<u32>Chain.bucket(hash)) | SIX;
          }
        }
      }
    }
    return 0;
  }

  /**
   * Reads each bucket, then each first entry and the one behind it if the first is another's. Nothing
   * here decides anything: what a chain has no more of is read at the address in front of the entries.
   */
  @inline
  private static touch(worker: usize, first: u32, end: u32, stride: u32): void {
    const before = load<u32>(0, HEADER_ENTRY_BASE) - ENTRY_SIZE;
    let touched: u32 = 0;
    for (let slot = first; slot != end; slot += stride) {
      touched |= load<u32>(<usize>(load<u32>(slot, SLOT_BUCKET) & ~SIX), BUCKET_HEAD);
    }
    for (let slot = first; slot != end; slot += stride) {
      const bucket = load<u32>(slot, SLOT_BUCKET);
      // without a bucket this reads the header record's role, which is 0: as an empty bucket
      const head = before + load<u32>(<usize>(bucket & ~SIX), BUCKET_HEAD) * ENTRY_SIZE;
      const ports = load<u32>(slot + (bucket & SIX) * PORTS_APART, TCP4);
      const behind = before + load<u32>(head) * ENTRY_SIZE;
      touched |= load<u32>(select(head, behind, load<u32>(head, ENTRY_CLIENT_PORT) == ports));
      if (bucket & SIX) touched |= load<u32>(head, ENTRY_CLIENT_ADDRESS6); // its second cache line
    }
    store<u32>(worker, touched, WORKER_TOUCHED);
  }

  /** Leaves the entry of a plain packet in its slot, and the bucket's version from before. */
  @inline
  private static find(slot: usize): void {
    const bucket = <usize>load<u32>(slot, SLOT_BUCKET);
    let found: u32 = NOT_FOUND;
    if ((bucket & SIX) == 0) {
      // without a bucket the header record's first words are read, as those of an empty one
      store<u32>(slot, Atomic.load(bucket), SLOT_VERSION);
      found = Straight.walk4(slot, load<u32>(bucket, BUCKET_HEAD));
    } else {
      store<u32>(slot, Atomic.load(bucket ^ SIX), SLOT_VERSION);
      found = Straight.walk6(slot, load<u32>(bucket ^ SIX, BUCKET_HEAD));
    }
    store<u32>(slot, found, SLOT_FOUND);
  }

  @inline
  private static walk4(slot: usize, next: u32): u32 {
    const client = load<u32>(slot, SLOT_PACKET + IPV4_SOURCE);
    const local = load<u32>(slot, SLOT_PACKET + IPV4_DESTINATION);
    const ports = load<u32>(slot, TCP4);
    const before = load<u32>(0, HEADER_ENTRY_BASE) - ENTRY_SIZE;
    let steps: u32 = CHAIN_LIMIT;
    while (next != 0) {
      const entry = before + next * ENTRY_SIZE;
      const differs =
        (load<u32>(entry, ENTRY_CLIENT_ADDRESS4) ^ client) |
        (load<u32>(entry, ENTRY_CLIENT_PORT) ^ ports) |
        (load<u32>(entry, ENTRY_LOCAL_ADDRESS4) ^ local);
      if (differs == 0) {
        store<u32>(slot, next - 1, SLOT_ENTRY);
        return entry;
      }
      next = load<u32>(entry);
      if (--steps == 0) break;
    }
    return NOT_FOUND;
  }

  @inline
  private static walk6(slot: usize, next: u32): u32 {
    const client = v128.load(slot, SLOT_PACKET + IPV6_SOURCE);
    const local = v128.load(slot, SLOT_PACKET + IPV6_DESTINATION);
    const ports = load<u32>(slot, TCP6);
    const before = load<u32>(0, HEADER_ENTRY_BASE) - ENTRY_SIZE;
    let steps: u32 = CHAIN_LIMIT;
    while (next != 0) {
      const entry = before + next * ENTRY_SIZE;
      if (load<u32>(entry, ENTRY_CLIENT_PORT) == ports) {
        // those fields of an IPv4 entry are 0, which is no address of a client
        const differs = v128.or(
          v128.xor(v128.load(entry, ENTRY_CLIENT_ADDRESS6), client),
          v128.xor(v128.load(entry, ENTRY_LOCAL_ADDRESS6), local),
        );
        if (!v128.any_true(differs)) {
          store<u32>(slot, next - 1, SLOT_ENTRY);
          return entry | SIX;
        }
      }
      next = load<u32>(entry);
      if (--steps == 0) break;
    }
    return NOT_FOUND;
  }

  /**
   * Second stage, of IPv4 packets up to the first that is none of a connection in FORWARD; returns its
   * slot, or `end`. No writer was at the bucket since before the entry was found: it still is this
   * packet's entry, and what was read of it belongs together.
   */
  @inline
  static forward4(worker: usize, slot: u32, end: u32, stride: u32): u32 {
    const second = load<u32>(worker, WORKER_SECOND);
    for (; slot != end; slot += stride) {
      const entry = load<u32>(slot, SLOT_FOUND);
      if (entry & SIX) break;
      const state = load<u32>(entry, ENTRY_STATE) ^ STATE_FORWARD;
      const lastSeen = load<u32>(entry, ENTRY_LAST_SEEN);
      const server = load<u64>(entry, ENTRY_SERVER_ADDRESS4); // address, port
      const deltas = load<u32>(entry, ENTRY_TO_SERVER_ADDRESS_DELTA); // address's, port's
      const changed = Straight.changed(slot, 0);
      if (state | changed) {
        if (changed) Counters.add(worker, COUNTER_LOOKUP_RETRIES, 1);
        break;
      }
      if (lastSeen != second) store<u32>(entry, second, ENTRY_LAST_SEEN);
      store<u32>(slot, VERDICT_FORWARD, SLOT_VERDICT);
      ToServer.switch4(slot, server, deltas);
    }
    return slot;
  }

  /** The same of IPv6 packets. */
  @inline
  static forward6(worker: usize, slot: u32, end: u32, stride: u32): u32 {
    const second = load<u32>(worker, WORKER_SECOND);
    for (; slot != end; slot += stride) {
      const entry = load<u32>(slot, SLOT_FOUND) ^ SIX;
      if (entry & NOT_FOUND) break;
      const state = load<u32>(entry, ENTRY_STATE) ^ STATE_FORWARD;
      const lastSeen = load<u32>(entry, ENTRY_LAST_SEEN);
      const address = v128.load(entry, ENTRY_SERVER_ADDRESS6);
      const port = <u32>load<u16>(entry, ENTRY_SERVER_PORT);
      const deltas = load<u32>(entry, ENTRY_TO_SERVER_ADDRESS_DELTA); // address's, port's
      const changed = Straight.changed(slot, SIX);
      if (state | changed) {
        if (changed) Counters.add(worker, COUNTER_LOOKUP_RETRIES, 1);
        break;
      }
      if (lastSeen != second) store<u32>(entry, second, ENTRY_LAST_SEEN);
      store<u32>(slot, VERDICT_FORWARD, SLOT_VERDICT);
      ToServer.switch6(slot, address, port, deltas);
    }
    return slot;
  }

  /** Not 0 when a writer was at work since the version was read, or then. */
  @inline
  private static changed(slot: usize, six: u32): u32 {
    const version = load<u32>(slot, SLOT_VERSION);
    const bucket = <usize>(load<u32>(slot, SLOT_BUCKET) ^ six);
    return (version & VERSION_LOCKED) | (Atomic.load(bucket) ^ version);
  }
}

// read together, as one word each
if (ENTRY_SERVER_PORT != ENTRY_SERVER_ADDRESS4 + 4) ERROR('layout: server address and port');
if (ROLE_SWITCH != 0 || HEADER_ROLE != BUCKET_HEAD) ERROR('layout: role, read as a bucket');
if (ENTRY_TO_SERVER_PORT_DELTA != ENTRY_TO_SERVER_ADDRESS_DELTA + 2) ERROR('layout: deltas');
