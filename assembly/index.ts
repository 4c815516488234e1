// The whole interface of the core: exports only. Addresses are byte addresses in the shared memory,
// whose layout is in layout.ts and whose map src/memory-map.ts wrote before. No call traps.
import { Cookie } from './answer/cookie';
import { Boundaries } from './boundaries';
import { Forward, REASON_SHIFT } from './forward';
import { Framing } from './framing';
import { RELEASE_NONE } from './calls';
import { HEADER_ENTRY_COUNT, LAYOUT_VERSION } from './layout';
import { CONTROL_TRIES } from './lookup/bucket-lock';
import { Hash } from './lookup/hash';
import { Owners } from './lookup/owners';
import { Pool } from './lookup/pool';
import { Sweep } from './lookup/sweep';
import { Table } from './lookup/table';
import { ClientHello } from './parse/client-hello';
import { RequestHead } from './parse/request-head';
import { DROP_NO_ENTRY } from './verdict';
import { Checksum } from './rewrite/checksum';
import './lookup/connection';

export const layoutVersion: i32 = LAYOUT_VERSION;

/** Builds the free list. Once, by who made the memory. */
export function initialise(): void {
  Pool.rebuild();
}

/** A fresh owner id, 1..255. */
export function nextOwner(): u32 {
  return Owners.next();
}

/**
 * Runs the packets in a worker's slots 0..count-1; how many are to be transmitted (SLOT_VERDICT).
 */
export function forward(worker: u32, count: u32, nowMs: f64): u32 {
  return Forward.batch(worker, count, nowMs);
}

/** Rewrites the packet in a slot (address) by an entry, whatever its state; a verdict. */
export function forwardHeld(worker: u32, slot: u32, entry: u32, nowMs: f64): u32 {
  if (entry >= load<u32>(0, HEADER_ENTRY_COUNT)) return DROP_NO_ENTRY << REASON_SHIFT;
  return Forward.held(worker, slot, Pool.entry(entry), nowMs);
}

/** Entry index of a tuple, or NO_ENTRY. */
export function lookup(tuple: u32): u32 {
  return Table.lookup(tuple);
}

/**
 * Entry index; NO_ENTRY: table full; 0x80000000 | index: exists already; 0x7ffffffe: bucket stayed
 * locked.
 */
export function insert(owner: u32, template: u32): u32 {
  return Table.insert(owner, template, false, CONTROL_TRIES);
}

/** Changes what UPDATE_* name if the entry has this handoff id. 1 = done. */
export function update(
  owner: u32,
  entry: u32,
  idRun: u32,
  idCounter: u32,
  template: u32,
  what: u32,
): u32 {
  if (entry >= load<u32>(0, HEADER_ENTRY_COUNT)) return 0;
  return Table.update(owner, Pool.entry(entry), idRun, idCounter, template, what);
}

/** `count` more held packets were sent or given up. 1 = done. */
export function held(owner: u32, entry: u32, idRun: u32, idCounter: u32, count: u32): u32 {
  if (entry >= load<u32>(0, HEADER_ENTRY_COUNT)) return 0;
  return Table.held(owner, Pool.entry(entry), idRun, idCounter, count);
}

/**
 * Takes a connection with FLAG_REQUESTS from its server if it has answered so many requests, which end
 * at `sequence`, and all answers are acknowledged; `acked` is the newest that the caller knows. RELEASE_*.
 */
export function release(
  owner: u32,
  entry: u32,
  idRun: u32,
  idCounter: u32,
  sequence: u32,
  acked: u32,
  requests: u32,
): u32 {
  if (entry >= load<u32>(0, HEADER_ENTRY_COUNT)) return RELEASE_NONE;
  return Framing.release(owner, Pool.entry(entry), idRun, idCounter, sequence, acked, requests);
}

/**
 * Looks at entries from..from+count-1 for connections between two requests of which nothing came since
 * the second `seenBefore`: sets their FLAG_AT_BOUNDARY, writes their indexes, returns how many.
 */
export function rest(
  owner: u32,
  from: u32,
  count: u32,
  seenBefore: u32,
  list: u32,
  limit: u32,
): u32 {
  const end = min<u32>(from + count, load<u32>(0, HEADER_ENTRY_COUNT));
  return Boundaries.find(owner, from, end, seenBefore, list, limit);
}

/** Unlinks and frees if the entry has this handoff id. 1 = done. */
export function remove(owner: u32, entry: u32, idRun: u32, idCounter: u32): u32 {
  if (entry >= load<u32>(0, HEADER_ENTRY_COUNT)) return 0;
  return Table.remove(owner, Pool.entry(entry), idRun, idCounter);
}

/**
 * Looks at entries from..from+count-1; writes the indexes that control must act on, returns how
 * many.
 */
export function sweep(
  owner: u32,
  from: u32,
  count: u32,
  nowMs: f64,
  idleTimeoutMs: f64,
  list: u32,
  limit: u32,
): u32 {
  const end = min<u32>(from + count, load<u32>(0, HEADER_ENTRY_COUNT));
  return Sweep.run(owner, from, end, nowMs, idleTimeoutMs, list, limit);
}

/** Removes connections that are CLOSED and would be swept by `beforeMs`; how many. */
export function reclaim(owner: u32, from: u32, count: u32, beforeMs: f64): u32 {
  const end = min<u32>(from + count, load<u32>(0, HEADER_ENTRY_COUNT));
  return Sweep.reclaim(owner, from, end, beforeMs);
}

/** Frees what a dead owner holds; how many connections were lost. */
export function releaseOwner(owner: u32, dead: u32): u32 {
  return Owners.release(owner, dead);
}

/** Length of a request head, 0 when it is incomplete, -HEAD_ERROR_* when it is refused. */
export function parseHead(address: u32, length: u32, out: u32): i32 {
  return RequestHead.parse(address, length, out);
}

/**
 * Length of the records of a ClientHello, 0 when it is incomplete, -HELLO_ERROR_* when it is refused;
 * changes the bytes.
 */
export function parseHello(address: u32, length: u32, out: u32): i32 {
  return ClientHello.parse(address, length, out);
}

export function hashTarget(address: u32, length: u32): u32 {
  return RequestHead.hashTarget(address, length);
}

/** Sets the full IP and TCP checksums. */
export function checksumPacket(packet: u32, length: u32): void {
  Checksum.computePacket(packet, length);
}

/** 1 = lengths and checksums are right. */
export function verifyPacket(packet: u32, length: u32): u32 {
  return Checksum.verifyPacket(packet, length);
}

/** The ISN that is a cookie. */
export function cookieMake(
  tuple: u32,
  clientIsn: u32,
  mss: u32,
  scale: u32,
  options: u32,
  epoch: u32,
): u32 {
  return Cookie.make(tuple, clientIsn, mss, scale, options, epoch);
}

/** 0, or 0x80000000 | mss | scale << 16 | OPTION_* << 24. */
export function cookieCheck(tuple: u32, clientIsn: u32, isn: u32): u32 {
  return Cookie.checkTuple(tuple, clientIsn, isn);
}

/** The keyed hash of a tuple's client address and port, for steering. */
export function steer(tuple: u32): u32 {
  return Hash.tupleIn(tuple, false);
}
