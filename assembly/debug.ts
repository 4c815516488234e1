// The core with what tests need: to die with a lock held, at the worst moment.
import {
  ENTRY_HASH,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_ADDRESS6,
  ENTRY_TO_SERVER_ADDRESS_DELTA,
  HEADER_FREE_HEAD,
} from './layout';
import { BucketLock, CONTROL_TRIES } from './lookup/bucket-lock';
import { Chain } from './lookup/chain';
import { Hash } from './lookup/hash';
import { Pool } from './lookup/pool';
import { State } from './lookup/state';
import { Table } from './lookup/table';
export * from './index';

const SCRIBBLE: u32 = 0xa5a5a5a5;

/** Locks the bucket of a tuple and keeps it. Address of the bucket, 0 when it stayed locked. */
export function debugLock(owner: u32, tuple: u32): u32 {
  const bucket = Chain.bucket(Hash.tuple(tuple));
  return BucketLock.take(bucket, owner, CONTROL_TRIES) ? <u32>bucket : 0;
}

/**
 * Half of an update: the server's address is new, port and checksum deltas are old. The lock is
 * held.
 */
export function debugHalfWrite(owner: u32, entry: u32): void {
  const address = Pool.entry(entry);
  store<u32>(address, SCRIBBLE ^ owner, ENTRY_SERVER_ADDRESS4);
  store<u64>(address, SCRIBBLE ^ owner, ENTRY_SERVER_ADDRESS6);
  store<u16>(address, <u16>SCRIBBLE, ENTRY_TO_SERVER_ADDRESS_DELTA);
}

/** An insert that ended between link and state: the entry is in the chain and RESERVED. */
export function debugHalfInsert(owner: u32, entry: u32): void {
  State.set(Pool.entry(entry), Pool.reserved(owner));
}

/** A removal that ended before the entry came back to the pool: in no chain, RESERVED. */
export function debugHalfRemove(owner: u32, entry: u32): void {
  const address = Pool.entry(entry);
  Table.takeOut(owner, Chain.bucket(load<u32>(address, ENTRY_HASH)), address);
}

/** Unlocks the bucket of a tuple, whoever holds it. */
export function debugUnlock(tuple: u32): void {
  BucketLock.release(Chain.bucket(Hash.tuple(tuple)));
}

/** Takes an entry from the pool and does nothing with it. Its index, or 0xffffffff. */
export function debugReserve(owner: u32): u32 {
  const entry = Pool.allocate(owner);
  return entry == 0 ? 0xffffffff : Pool.index(entry);
}

/** Locks the free list, keeps it, and loses the list. 1 = done. */
export function debugBreakPool(owner: u32): u32 {
  if (!Pool.lock(owner)) return 0;
  store<u32>(0, 0, HEADER_FREE_HEAD);
  return 1;
}
