import * as C from '../../../assembly/calls.ts';
import { TCP_FIN } from '../../../assembly/wire/tcp.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { advance, distance } from '../../packet/sequence.ts';
import { hasBytesBehind, isLastRequest } from '../dispatcher/last-request.ts';
import { RequestHead } from '../dispatcher/request-head.ts';
import { cookieValues } from '../dispatcher/rules.ts';
import type { Choice, HeldPacket, Opening } from '../opening.ts';
import type { Service } from '../service.ts';
import type { SwitchState } from '../state.ts';
import { acknowledge, acknowledgeSoon } from './answer.ts';
import { awaitsField, beginField } from './body-field.ts';
import { challenge } from './challenge.ts';
import { joinHalfRead } from './crowd.ts';
import { extentOf } from './extent.ts';
import { beginHanding } from './handoff.ts';
import { readHead } from './head.ts';
import { takeHello } from './hello.ts';
import { judge, learn } from './handshake.ts';
import { packetsOf } from './pieces.ts';
import { abandon, endIdle, endQuietly, refuse, reset } from './refuse.ts';

const LINE_FEED = 10;
/** Cookies of one name, of several paths and domains, that a client is looked for by. */
const COOKIE_LIMIT = 4;

/** A segment of a connection whose request head is not complete. */
export function gatherSegment(
  state: SwitchState,
  opening: Opening,
  packet: TcpPacket,
  nowMs: number,
): void {
  const judgement = judge(opening, packet);
  if (judgement === 'reset') return abandon(state, opening, nowMs);
  if (judgement !== 'accept') {
    state.figures.unacceptable += 1;
    if (judgement !== 'ignore') challenge(state, opening, packet, judgement, nowMs);
    return;
  }
  learn(opening, packet);
  const isFin = (packet.flags & TCP_FIN) !== 0;
  if (packet.payload.length === 0 && !isFin) return;
  const isFirst = remember(state, opening, nowMs);
  take(state, opening, packet, nowMs);
  // a whole request in one segment takes nobody's place
  if (isFirst && opening.phase === 'gathering') joinHalfRead(state, opening);
}

/** From its first data on a connection is an object, a parked one before. True: they are its first. */
function remember(state: SwitchState, opening: Opening, nowMs: number): boolean {
  if (state.openings.has(opening.entry) && !opening.isParked) return false;
  opening.isParked = false;
  opening.deadlineMs = nowMs + state.timing.gatherTimeoutMs;
  state.openings.set(opening.entry, opening);
  state.deadlines.add(opening, opening.deadlineMs);
  return true;
}

function take(state: SwitchState, opening: Opening, packet: TcpPacket, nowMs: number): void {
  const { gather } = opening;
  if ((packet.flags & TCP_FIN) !== 0) {
    const end = advance(packet.sequence, packet.payload.length);
    if (distance(end, gather.base) <= C.HEAD_LIMIT) opening.fin = advance(end, 1);
  }
  const gathered = gather.add(packet.sequence, bytesBeforeFin(opening, packet));
  if (gathered === 'refused') return reset(state, opening, 'holes', nowMs);
  const parse = opening.service.protocol === 'tls' ? takeHello : takeHead;
  if (gathered === 'grown' && parse(state, opening, nowMs)) return;
  const finReached = opening.fin !== null && advance(gather.next, 1) === opening.fin;
  if (finReached && opening.field) return chooseNow(state, opening, nowMs);
  if (finReached) return endQuietly(state, opening, nowMs);
  if (gathered !== 'grown') return acknowledge(state, opening);
  acknowledgeSoon(state, opening, nowMs);
}

function bytesBeforeFin(opening: Opening, packet: TcpPacket): Uint8Array {
  if (opening.fin === null) return packet.payload;
  const room = distance(opening.fin, packet.sequence) - 1;
  return packet.payload.subarray(0, Math.max(0, room));
}

/** Looks at the bytes in order; true when the head was complete or refused. */
function takeHead(state: SwitchState, opening: Opening, nowMs: number): boolean {
  if (opening.field) return takeBody(state, opening, nowMs);
  const { gather } = opening;
  const bytes = gather.contents;
  // a head ends with a line: bytes in the middle of one change nothing
  const isFirst = opening.parsed === 0;
  const isFull = gather.room === 0;
  const hasLine = bytes.indexOf(LINE_FEED, opening.parsed) >= 0;
  if (!isFirst && !isFull && !hasLine) return false;
  opening.parsed = bytes.length;
  const head = readHead(state, opening);
  if (head === null) return false;
  if (typeof head === 'number') {
    refuse(state, opening, head, nowMs);
    return true;
  }
  beginField(state, opening, head, nowMs);
  if (awaitsField(opening, nowMs)) {
    state.deadlines.add(opening, opening.field!.untilMs);
    return false;
  }
  dispatch(state, opening, head, nowMs);
  return true;
}

/** More of a body in which a field is looked for; true: it is here, or there is none. */
function takeBody(state: SwitchState, opening: Opening, nowMs: number): boolean {
  if (awaitsField(opening, nowMs)) return false;
  chooseNow(state, opening, nowMs);
  return true;
}

/** By what is here of the body. */
function chooseNow(state: SwitchState, opening: Opening, nowMs: number): void {
  dispatch(state, opening, new RequestHead(opening.gather.contents, opening.field!.head, 0), nowMs);
}

/**
 * Rules bind the first request of a connection only. A service may insist that there is no other: a
 * server processes none behind one that says "close" (RFC 9112 section 9.6).
 */
function isAllowed(service: Service, head: RequestHead, received: Uint8Array): boolean {
  if (service.refusesKeepAlive && !isLastRequest(head)) return false;
  return !service.refusesPipelining || !hasBytesBehind(head, received);
}

/** Rules choose the pool, its policy the server. */
function dispatch(state: SwitchState, opening: Opening, head: RequestHead, nowMs: number): void {
  const { gather, service } = opening;
  const choice = choiceFor(state, opening, head);
  const extent = service.eachRequest ? extentOf(head, gather.contents) : null;
  if (!choice || (service.eachRequest && !extent)) return refuse(state, opening, 400, nowMs);
  if (!extent) return beginHanding(state, opening, choice, nowMs);
  const clientNext = gather.next;
  const held = packetsBehind(state, opening, extent.here);
  gather.cut(extent.here);
  const more = { extent, held, clientNext };
  beginHanding(state, opening, { ...choice, ...more }, nowMs);
}

/** What the request's head says about who may answer it; null: it is refused. */
export function choiceFor(state: SwitchState, opening: Opening, head: RequestHead): Choice | null {
  const { service, gather, field } = opening;
  // another request has another body
  opening.field = null;
  const pool = isAllowed(service, head, gather.contents) ? service.rules.poolFor(head) : null;
  if (pool === null) return null;
  const value = field?.finder.valueIn(gather.contents);
  return {
    pool,
    target: state.dispatcher.parse(pool, head, (bytes) => state.hash(bytes), value),
    targetHash: head.targetHash,
    keys: cookieKeys(state, service.cookie, head),
    remember: null,
    headOnly: head.text(head.method) === 'HEAD',
    extent: null,
    isUpgrade: (head.flags & C.HEAD_FLAG_UPGRADE) !== 0,
  };
}

/** The gathered bytes behind a request as packets of the client, for they are another request's. */
function packetsBehind(state: SwitchState, opening: Opening, from: number): HeldPacket[] {
  const { tuple, gather, client, fin } = opening;
  const payload = gather.contents.slice(from);
  if (payload.length === 0) return [];
  const timestamps = { value: client.timestampRecent, echo: client.timestampSwitch };
  const segment = {
    source: tuple.client,
    destination: state.connections.local(opening.entry),
    sourcePort: tuple.clientPort,
    destinationPort: state.connections.localPort(opening.entry),
    sequence: advance(gather.base, from),
    acknowledgment: advance(opening.switchIsn, 1),
    window: client.window,
    options: client.timestamps ? { timestamps } : {},
    payload,
  };
  return packetsOf(segment, fin !== null && advance(gather.next, 1) === fin);
}

/** Hashes of the client's cookies of that name, as agents tell them. */
function cookieKeys(state: SwitchState, name: string, head: RequestHead): number[] {
  if (name === '') return [];
  const prefix = new TextEncoder().encode(`${name}=`);
  return cookieValues(head, prefix.subarray(0, -1))
    .slice(0, COOKIE_LIMIT)
    .map(({ from, to }) => {
      const bytes = new Uint8Array(prefix.length + to - from);
      bytes.set(prefix);
      bytes.set(head.bytes.subarray(from, to), prefix.length);
      return state.hash(bytes);
    });
}

/** Goes on with what had come of its request when a server gave it back. */
export function gatherOn(state: SwitchState, opening: Opening, nowMs: number): void {
  const { gather, fin } = opening;
  if (gather.length > 0) {
    const isFirst = remember(state, opening, nowMs);
    if (takeHead(state, opening, nowMs)) return;
    if (isFirst) joinHalfRead(state, opening);
    acknowledgeSoon(state, opening, nowMs);
  }
  if (fin === null || advance(gather.next, 1) !== fin) return;
  if (opening.field) chooseNow(state, opening, nowMs);
  else endQuietly(state, opening, nowMs);
}

/** A deadline of a connection in gathering: the client waits for an ACK, or is too slow. */
export function gatherDeadline(state: SwitchState, opening: Opening, nowMs: number): void {
  if (nowMs >= opening.deadlineMs && opening.isParked) return endIdle(state, opening, nowMs);
  if (opening.field && nowMs >= opening.field.untilMs) return chooseNow(state, opening, nowMs);
  if (nowMs >= opening.deadlineMs) {
    state.figures.gatherExpired += 1;
    return reset(state, opening, 'slow', nowMs);
  }
  if (nowMs >= opening.ackDueMs) acknowledge(state, opening);
  if (opening.field) state.deadlines.add(opening, opening.field.untilMs);
}
