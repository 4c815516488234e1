// The common case at the switch, without a copy: an IPv4 packet of a connection in FORWARD. What the
// rewrite needs of the entry fits in five words: they are read, the bucket's version is compared, and only
// then the packet is touched. Everything else returns NOT_STRAIGHT and takes the general path.
import {
  ENTRY_LAST_SEEN,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_PORT,
  ENTRY_STATE,
  ENTRY_TO_SERVER_ADDRESS_DELTA,
  ENTRY_TO_SERVER_PORT_DELTA,
  SLOT_ENTRY,
  SLOT_PACKET,
  SLOT_VNET,
  STATE_FORWARD,
  VERSION_LOCKED,
} from './layout';
import { Atomic } from './lookup/atomic';
import { Chain, KEY_LOCAL4 } from './lookup/chain';
import { Hash } from './lookup/hash';
import { Pool } from './lookup/pool';
import { ToServer } from './rewrite/to-server';
import { VERDICT_FORWARD } from './verdict';
import { IPV4_DESTINATION, IPV4_HEADER_SIZE, IPV4_SOURCE } from './wire/ipv4';

export const NOT_STRAIGHT: u32 = 0xffffffff;

export class Straight {
  @inline
  static packet(slot: usize, second: u32): u32 {
    const packet = slot + SLOT_PACKET;
    const client = packet + IPV4_SOURCE;
    const ports = load<u32>(packet, IPV4_HEADER_SIZE);
    const bucket = Chain.bucket(Hash.keyed4(load<u32>(client), ports & 0xffff));
    const version = Atomic.load(bucket);
    const entry = Chain.find(KEY_LOCAL4, bucket, client, packet + IPV4_DESTINATION, ports);
    if (entry == 0) return NOT_STRAIGHT;
    const state = load<u32>(entry, ENTRY_STATE);
    const lastSeen = load<u32>(entry, ENTRY_LAST_SEEN);
    const server = load<u64>(entry, ENTRY_SERVER_ADDRESS4); // address, port
    const deltas = load<u32>(entry, ENTRY_TO_SERVER_ADDRESS_DELTA); // address's, port's
    if (Atomic.load(bucket) != version || (version & VERSION_LOCKED) != 0) return NOT_STRAIGHT;
    if (state != STATE_FORWARD) return NOT_STRAIGHT;
    store<u32>(slot, Pool.index(entry), SLOT_ENTRY);
    if (lastSeen != second) store<u32>(entry, second, ENTRY_LAST_SEEN);
    ToServer.switch4(packet, slot + SLOT_VNET, server, deltas);
    return VERDICT_FORWARD;
  }
}

// read together, as one word each
if (ENTRY_SERVER_PORT != ENTRY_SERVER_ADDRESS4 + 4) ERROR('layout: server address and port');
if (ENTRY_TO_SERVER_PORT_DELTA != ENTRY_TO_SERVER_ADDRESS_DELTA + 2) ERROR('layout: deltas');
