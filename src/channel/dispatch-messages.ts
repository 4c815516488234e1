// What distributors and a dispatcher on another host tell each other (Aron et al. 2000, section 5.4). A
// batch is bytes, not objects: a decision costs no allocation. Meaning: docs/protocol.md, section 7.
import type { ByteReader, ByteWriter } from './bytes.ts';
import type { Message } from './messages.ts';
import * as wire from './wire.ts';

/** Where a request or an answer names no server. */
export const WIRE_NO_SERVER = 0xffff;
const THOUSAND = 1000;
/** Capability of a dispatcher that follows a roster's details. */
export const FOLLOWS_ROSTER = 'standings';

/**
 * Distributor to dispatcher, before its first batch and when its configuration has changed: what the
 * numbers in its batches stand for, and how many connections of its own each server has. Empty: it asks
 * another dispatcher now.
 */
export interface Roster {
  type: 'roster';
  pools: string[];
  servers: RosterServer[];
  /** for a dispatcher that follows them: servers may come and go at distributors */
  details?: RosterDetails | undefined;
}

export interface RosterDetails {
  /** for each server */
  standings: Standing[];
  /** for each pool: its servers' numbers */
  members: number[][];
}

export interface RosterServer {
  name: string;
  active: number;
}

/** How a server stands at a distributor: a dispatcher weighs it likewise. */
export interface Standing {
  /** as configured, to a thousandth */
  weight: number;
  /** it came up so long ago (ms), and has its whole weight after `slowStartMs`; 0/0: it has it */
  sinceMs: number;
  slowStartMs: number;
}

/**
 * Distributor to dispatcher: all that has gathered while the last batch was not answered. Only one is
 * outstanding at a time.
 */
export interface Dispatch {
  type: 'dispatch';
  /** of the batch; its answer bears it, too */
  number: number;
  /** REQUEST_SIZE each: REQUEST_* (wire.ts) */
  requests: Uint8Array;
  /** COUNT_SIZE each: connections that servers got and lost without this dispatcher */
  counts: Uint8Array;
  /** `setSize` each: a bit for each server of the roster that may be chosen, the first being bit 0 */
  sets: Uint8Array;
  setSize: number;
}

/** Dispatcher to distributor: a server for each request of that batch, in order, u16 each. */
export interface Dispatched {
  type: 'dispatched';
  number: number;
  servers: Uint8Array;
}

export type DispatchMessage = Roster | Dispatch | Dispatched;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** About how long the message's body is, so that it is written in one piece. */
export function roomFor(message: Message): number {
  if (message.type === 'dispatched') return message.servers.length;
  if (message.type !== 'dispatch') return 0;
  const { requests, counts, sets } = message;
  return requests.length + counts.length + sets.length;
}

/** As putBody. */
export function putDispatching(writer: ByteWriter, message: DispatchMessage): number {
  if (message.type === 'roster') return putRoster(writer, message);
  if (message.type === 'dispatched') {
    const at = writer.add(wire.DISPATCHED_SIZE);
    writer.view.setUint32(at + wire.DISPATCHED_NUMBER, message.number);
    writer.view.setUint16(at + wire.DISPATCHED_COUNT, message.servers.length / 2);
    writer.append(message.servers);
    return wire.TYPE_DISPATCHED;
  }
  const { number, requests, counts, sets, setSize } = message;
  const at = writer.add(wire.DISPATCH_SIZE);
  writer.view.setUint32(at + wire.DISPATCH_NUMBER, number);
  writer.view.setUint16(at + wire.DISPATCH_REQUESTS, requests.length / wire.REQUEST_SIZE);
  writer.view.setUint16(at + wire.DISPATCH_COUNTS, counts.length / wire.COUNT_SIZE);
  writer.view.setUint16(at + wire.DISPATCH_SETS, setSize === 0 ? 0 : sets.length / setSize);
  writer.view.setUint16(at + wire.DISPATCH_SET_SIZE, setSize);
  writer.append(requests);
  writer.append(counts);
  writer.append(sets);
  return wire.TYPE_DISPATCH;
}

function putRoster(writer: ByteWriter, { pools, servers, details }: Roster): number {
  const at = writer.add(wire.ROSTER_SIZE);
  const flag = details ? wire.ROSTER_DETAILS : 0;
  writer.view.setUint16(at + wire.ROSTER_POOLS, pools.length | flag);
  writer.view.setUint16(at + wire.ROSTER_SERVERS, servers.length);
  for (const pool of pools) writer.string(pool);
  for (const { name, active } of servers) {
    const activeAt = writer.add(4); // may give the writer another view
    writer.view.setUint32(activeAt, active);
    writer.string(name);
  }
  if (details) putDetails(writer, details);
  return wire.TYPE_ROSTER;
}

function putDetails(writer: ByteWriter, { standings, members }: RosterDetails): void {
  for (const { weight, sinceMs, slowStartMs } of standings) {
    const at = writer.add(wire.STANDING_SIZE);
    writer.view.setUint32(at + wire.STANDING_WEIGHT, Math.round(weight * THOUSAND));
    writer.view.setUint32(at + wire.STANDING_SINCE, sinceMs);
    writer.view.setUint32(at + wire.STANDING_SLOW_START, slowStartMs);
  }
  for (const numbers of members) {
    const at = writer.add(2 + numbers.length * 2);
    writer.view.setUint16(at, numbers.length);
    numbers.forEach((number, index) => writer.view.setUint16(at + 2 + index * 2, number));
  }
}

function takeDetails(
  reader: ByteReader,
  serverCount: number,
  poolCount: number,
): RosterDetails | undefined {
  const standings: Standing[] = [];
  for (let number = 0; number < serverCount; number += 1) {
    const at = reader.take(wire.STANDING_SIZE);
    if (at < 0) return undefined;
    standings.push({
      weight: reader.view.getUint32(at + wire.STANDING_WEIGHT) / THOUSAND,
      sinceMs: reader.view.getUint32(at + wire.STANDING_SINCE),
      slowStartMs: reader.view.getUint32(at + wire.STANDING_SLOW_START),
    });
  }
  const members: number[][] = [];
  for (let pool = 0; pool < poolCount; pool += 1) {
    const countAt = reader.take(2);
    const count = countAt < 0 ? 0 : reader.view.getUint16(countAt);
    const at = countAt < 0 ? -1 : reader.take(count * 2);
    if (at < 0) return undefined;
    members.push(Array.from({ length: count }, (_, i) => reader.view.getUint16(at + i * 2)));
  }
  return { standings, members };
}

/** As takeBody. */
export function takeDispatching(type: number, reader: ByteReader): DispatchMessage | undefined {
  if (type === wire.TYPE_ROSTER) return takeRoster(reader);
  if (type === wire.TYPE_DISPATCHED) {
    const at = reader.take(wire.DISPATCHED_SIZE);
    if (at < 0) return undefined;
    const number = reader.view.getUint32(at + wire.DISPATCHED_NUMBER);
    const servers = reader.copy(reader.view.getUint16(at + wire.DISPATCHED_COUNT) * 2);
    return servers && { type: 'dispatched', number, servers };
  }
  if (type !== wire.TYPE_DISPATCH) return undefined;
  const at = reader.take(wire.DISPATCH_SIZE);
  if (at < 0) return undefined;
  const { view } = reader;
  const number = view.getUint32(at + wire.DISPATCH_NUMBER);
  const setSize = view.getUint16(at + wire.DISPATCH_SET_SIZE);
  const setCount = view.getUint16(at + wire.DISPATCH_SETS);
  if (setSize === 0 && setCount > 0) return undefined;
  const requests = reader.copy(view.getUint16(at + wire.DISPATCH_REQUESTS) * wire.REQUEST_SIZE);
  const counts = reader.copy(view.getUint16(at + wire.DISPATCH_COUNTS) * wire.COUNT_SIZE);
  const sets = reader.copy(setCount * setSize);
  if (!requests || !counts || !sets) return undefined;
  return { type: 'dispatch', number, requests, counts, sets, setSize };
}

function takeRoster(reader: ByteReader): Roster | undefined {
  const at = reader.take(wire.ROSTER_SIZE);
  if (at < 0) return undefined;
  const word = reader.view.getUint16(at + wire.ROSTER_POOLS);
  const hasDetails = (word & wire.ROSTER_DETAILS) !== 0;
  const poolCount = word & ~wire.ROSTER_DETAILS;
  const serverCount = reader.view.getUint16(at + wire.ROSTER_SERVERS);
  const pools: string[] = [];
  for (let number = 0; number < poolCount; number += 1) {
    const name = reader.string();
    if (name === undefined) return undefined;
    pools.push(name);
  }
  const servers: RosterServer[] = [];
  for (let number = 0; number < serverCount; number += 1) {
    const activeAt = reader.take(4);
    const name = activeAt < 0 ? undefined : reader.string();
    if (name === undefined) return undefined;
    servers.push({ name, active: reader.view.getUint32(activeAt) });
  }
  if (!hasDetails) return { type: 'roster', pools, servers };
  const details = takeDetails(reader, serverCount, poolCount);
  return details && { type: 'roster', pools, servers, details };
}
