// Connections of services that dispatch each request: what comes behind the first one. Workers forward up
// to RECORD_REQUEST_NEXT; the rest comes here and goes no further before it is known whose it is.
import * as C from '../../../assembly/calls.ts';
import * as L from '../../../assembly/layout.ts';
import { TCP_FIN, TCP_RST, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import { readPacket } from '../../packet/read.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { advance, distance, isAfter, isBefore } from '../../packet/sequence.ts';
import type { Following, Handing, HeldPacket, Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { stepOver } from './extent.ts';
import { acknowledge } from './answer.ts';
import { Gather } from './gather.ts';
import { learn, openFromRecord, segmentLength } from './handshake.ts';
import { bytesOf, giveUp, isIntact, passOn } from './held.ts';
import { packetsOf } from './pieces.ts';
import { askAgain } from './ask.ts';
import { breakOff } from './break-off.ts';
import { dispatchNext } from './next-request.ts';

/** Room for the longest head in small segments. */
const LEAST_LIMIT = 65536;
/** So long a response may take whose end cannot be known. */
const UNKNOWN_MS = 2000;

/** Whether each request of this entry's connection is dispatched. */
export function isFollowed(state: SwitchState, entry: number): boolean {
  return (state.connections.flags(entry) & L.FLAG_REQUESTS) !== 0;
}

/** A packet of a connection that its server has. */
export function follow(state: SwitchState, entry: number, held: HeldPacket, nowMs: number): void {
  const packet = readPacket(held.packet);
  const { connections } = state;
  if (!packet) return drop(state, entry, held);
  const end = advance(packet.sequence, segmentLength(packet));
  const next = connections.record32(entry, L.RECORD_REQUEST_NEXT);
  const isKnown = connections.record32(entry, L.RECORD_REQUESTS) !== 0;
  const isControl = (packet.flags & (TCP_RST | TCP_SYN)) !== 0 || segmentLength(packet) === 0;
  if (isControl || (isKnown && !isAfter(end, next))) return passOn(state, entry, held);
  if (!isIntact(state, held)) return drop(state, entry, held);
  const opening = state.openings.get(entry) ?? beginFollowing(state, entry, nowMs);
  if (!opening?.following) return drop(state, entry, held);
  if (!isKnown) return refuseUnknown(state, opening, held, nowMs);
  take(state, opening, packet, held, nowMs);
}

function drop(state: SwitchState, entry: number, held: HeldPacket): void {
  if (held.counted) giveUp(state, entry);
}

/** The object of a connection whose next request begins to come, or whose last one goes on. */
export function beginFollowing(
  state: SwitchState,
  entry: number,
  nowMs: number,
): Opening | undefined {
  const { connections } = state;
  const opening = openFromRecord(state, entry, connections.worker(entry), nowMs);
  if (!opening) return undefined;
  opening.phase = 'following';
  opening.following = {
    held: [],
    heldBytes: 0,
    body: null,
    isUpgrading: false,
    asked: null,
    unanswered: 0,
    acknowledgment: connections.record32(entry, L.RECORD_CLIENT_ACK),
  };
  restart(opening, connections.record32(entry, L.RECORD_REQUEST_NEXT));
  opening.deadlineMs = nowMs + state.timing.gatherTimeoutMs;
  state.openings.set(entry, opening);
  state.deadlines.add(opening, opening.deadlineMs);
  return opening;
}

/** A server has got a request: what came behind it, and the rest of its body. */
export function followOn(
  state: SwitchState,
  entry: number,
  { extent, isUpgrade, held }: Handing,
  nowMs: number,
): void {
  if (extent!.body || isUpgrade) {
    const { following } = beginFollowing(state, entry, nowMs) ?? {};
    if (following) Object.assign(following, { body: extent!.body, isUpgrading: isUpgrade });
  }
  for (const each of held) follow(state, entry, each, nowMs);
}

/** What is gathered begins there. */
function restart(opening: Opening, next: number): void {
  opening.client.isn = advance(next, -1);
  opening.gather = new Gather(next);
  opening.acked = next;
  opening.parsed = 0;
  opening.ackDueMs = Infinity;
  for (const held of opening.following!.held) gatherHeld(opening, held);
}

function gatherHeld(opening: Opening, { packet }: HeldPacket): void {
  const read = readPacket(packet);
  if (read) opening.gather.add(read.sequence, read.payload);
}

function take(
  state: SwitchState,
  opening: Opening,
  packet: TcpPacket,
  held: HeldPacket,
  nowMs: number,
): void {
  const { gather } = opening;
  const following = opening.following!;
  const limit = Math.max(state.heldLimit, LEAST_LIMIT);
  const isFar = distance(packet.sequence, gather.base) > limit;
  const isAwaited = !isAfter(packet.sequence, gather.next);
  // what came too early must not keep out what it waits for
  if (isAwaited && following.heldBytes + bytesOf([held]) > limit) dropEarly(state, opening);
  if (isFar || following.heldBytes + bytesOf([held]) > limit) {
    state.figures.heldDropped += 1;
    return drop(state, opening.entry, held);
  }
  learn(opening, packet);
  noteAcknowledgment(opening, packet.acknowledgment);
  if (!isAfter(advance(packet.sequence, segmentLength(packet)), gather.next)) {
    // over again: our acknowledgment may have been lost
    drop(state, opening.entry, held);
    if (opening.acked !== gather.base) acknowledge(state, opening);
    return askAgain(state, opening);
  }
  if ((packet.flags & TCP_FIN) !== 0) {
    opening.fin = advance(packet.sequence, segmentLength(packet));
  }
  keep(state, following, [...following.held, held]);
  state.figures.heldPackets += 1;
  opening.gather.add(packet.sequence, packet.payload);
  if (following.asked) askAgain(state, opening);
  else proceed(state, opening, nowMs);
}

/** Throws away what lies beyond a hole; the client repeats it. */
function dropEarly(state: SwitchState, opening: Opening): void {
  const following = opening.following!;
  const { next } = opening.gather;
  const isEarly = ({ packet }: HeldPacket) => isAfter(readPacket(packet)!.sequence, next);
  for (const held of following.held.filter(isEarly)) drop(state, opening.entry, held);
  keep(
    state,
    following,
    following.held.filter((held) => !isEarly(held)),
  );
  opening.gather = new Gather(opening.gather.base);
  for (const held of following.held) gatherHeld(opening, held);
}

function noteAcknowledgment(opening: Opening, acknowledgment: number): void {
  const following = opening.following!;
  if (isAfter(acknowledgment, following.acknowledgment)) {
    following.acknowledgment = acknowledgment;
  }
  opening.switchIsn = advance(following.acknowledgment, -1);
}

/** Goes on with what has come in order, as far as that is possible. */
export function proceed(state: SwitchState, opening: Opening, nowMs: number): void {
  while (opening.phase === 'following' && !opening.following!.asked && !opening.question) {
    const following = opening.following!;
    if (following.body) {
      if (!readBody(state, opening, nowMs)) return;
    } else if (opening.gather.length > 0) {
      if (!dispatchNext(state, opening, nowMs)) return;
    } else return endOrRest(state, opening);
  }
}

/** Reads on in the body under way; true when it has ended. */
function readBody(state: SwitchState, opening: Opening, nowMs: number): boolean {
  const following = opening.following!;
  const body = following.body!;
  const count = body.take(opening.gather.contents);
  if (body.isOdd) {
    breakOff(state, opening, 'odd body', nowMs);
    return false;
  }
  const next = advance(opening.gather.base, count + stepOver(body));
  if (body.isComplete) following.body = null;
  if (next !== opening.gather.base) passUpTo(state, opening, next, 0);
  opening.deadlineMs = nowMs + state.timing.idleTimeoutMs;
  state.deadlines.add(opening, opening.deadlineMs);
  return following.body === null;
}

/** Nothing is here of a next request: the client's FIN goes on, and the object is forgotten. */
function endOrRest(state: SwitchState, opening: Opening): void {
  const following = opening.following!;
  const { entry, fin, gather } = opening;
  if (fin !== null && advance(gather.base, 1) === fin) {
    for (const held of following.held) passOn(state, entry, held);
    keep(state, following, []);
  }
  if (following.held.length > 0 || following.isUpgrading) return;
  state.forget(opening);
}

/**
 * The server gets everything before `next`; `requests` more have begun there. What lies behind stays
 * here, and is gathered anew.
 */
export function passUpTo(
  state: SwitchState,
  opening: Opening,
  next: number,
  requests: number,
): void {
  const { connections } = state;
  const { entry, id } = opening;
  const count = connections.record32(entry, L.RECORD_REQUESTS) + requests;
  connections
    .templateOf(entry)
    .record32(L.RECORD_REQUEST_NEXT, next)
    .record32(L.RECORD_REQUESTS, count);
  if (!state.update(entry, id, C.UPDATE_REQUESTS)) return state.forget(opening);
  passHeld(state, opening, next);
  restart(opening, next);
  const server = state.serverOf(entry);
  const isWhole = opening.following!.body === null;
  if (server && (requests > 0 || isWhole)) {
    const { tuple } = opening;
    state.send(server, { type: 'requests', id, tuple, count: isWhole ? count : 0, next });
  }
}

function passHeld(state: SwitchState, opening: Opening, next: number): void {
  const following = opening.following!;
  const kept: HeldPacket[] = [];
  for (const held of following.held) {
    const packet = readPacket(held.packet)!;
    if (!isAfter(advance(packet.sequence, segmentLength(packet)), next)) {
      passOn(state, opening.entry, held);
      continue;
    }
    kept.push(held);
    if (!isBefore(packet.sequence, next)) continue;
    const payload = packet.payload.subarray(0, distance(next, packet.sequence));
    for (const piece of packetsOf({ ...packet, payload })) passOn(state, opening.entry, piece);
  }
  keep(state, following, kept);
}

function keep(state: SwitchState, following: Following, held: HeldPacket[]): void {
  const heldBytes = bytesOf(held);
  state.heldBytes += heldBytes - following.heldBytes;
  Object.assign(following, { held, heldBytes });
}

/** All that is held is thrown away; the client repeats what nobody has acknowledged. */
export function dropHeld(state: SwitchState, opening: Opening): void {
  const following = opening.following!;
  for (const held of following.held) drop(state, opening.entry, held);
  keep(state, following, []);
}

/** From now on everything goes to the server, unread. */
export function stopFollowing(state: SwitchState, opening: Opening, nowMs: number): void {
  const { connections } = state;
  const { entry, id } = opening;
  connections
    .templateOf(entry)
    .state(L.STATE_DRAINING)
    .entry32(L.ENTRY_FLAGS, L.FLAG_REQUESTS)
    .deadline(nowMs);
  const { held } = opening.following!;
  state.forget(opening);
  state.update(entry, id, C.UPDATE_STATE | C.UPDATE_FLAGS_CLEAR | C.UPDATE_DEADLINE);
  for (const each of held) passOn(state, entry, each);
}

/** Nobody knows where a request begins: none may pass, so the connection ends when its answer is over. */
function refuseUnknown(
  state: SwitchState,
  opening: Opening,
  held: HeldPacket,
  nowMs: number,
): void {
  const packet = readPacket(held.packet)!;
  drop(state, opening.entry, held);
  noteAcknowledgment(opening, packet.acknowledgment);
  const dueMs = nowMs + UNKNOWN_MS;
  if (opening.deadlineMs <= dueMs) return;
  opening.deadlineMs = dueMs;
  state.deadlines.add(opening, dueMs);
}
