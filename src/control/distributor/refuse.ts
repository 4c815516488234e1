import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { advance, isAfter } from '../../packet/sequence.ts';
import { countUnder } from '../figures.ts';
import type { Farewell, Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { removeEntry, silenceEntry } from '../switch/update.ts';
import { ALERT_INTERNAL_ERROR, alertBytes } from './alert.ts';
import { answer } from './answer.ts';
import { joinFarewells } from './crowd.ts';
import { nextExpected, segmentLength } from './handshake.ts';

/** How long a client that was refused or reset is answered. */
const FAREWELL_MS = 10_000;
/** Between questions to a client whose connection is lost. */
const ASK_INTERVAL_MS = 1000;
/** A cookie is good for at most three epochs of 64 s: as long may a copy of the request come. */
export const COOKIE_LIFE_MS = 192_000;

const REASONS: Record<number, string> = {
  400: 'Bad Request',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
};
const NO_BYTES = new Uint8Array(0);
const OLD_BYTE = new Uint8Array(1);

/** The whole response; short enough for one segment of any client. */
function responseBytes(status: number, headOnly: boolean): Uint8Array {
  const reason = `${status} ${REASONS[status] ?? 'Error'}`;
  const body = `${reason}\n`;
  const retry = status === 503 ? 'Retry-After: 1\r\n' : '';
  const head =
    `HTTP/1.1 ${reason}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n` +
    `Connection: close\r\n${retry}\r\n`;
  return new TextEncoder().encode(headOnly ? head : head + body);
}

/** Answers the request ourselves: response and FIN in one segment. No server has seen it. */
export function refuse(state: SwitchState, opening: Opening, status: number, nowMs: number): void {
  const isTls = opening.service.protocol === 'tls';
  const response = isTls
    ? alertBytes(ALERT_INTERNAL_ERROR)
    : responseBytes(status, opening.handing?.headOnly ?? false);
  // a late copy of the request must not be served after its client was told that it would not be;
  // what is wrong in itself is refused again
  const lingerMs = status === 503 ? state.timing.lingerMs : 0;
  turnAway(state, opening, String(status), { response, lingerMs }, nowMs);
}

function turnAway(
  state: SwitchState,
  opening: Opening,
  why: string,
  { response, lingerMs }: { response: Uint8Array; lingerMs: number },
  nowMs: number,
): void {
  if (response.length > clientWindow(opening)) {
    return reset(state, opening, 'window', nowMs, lingerMs);
  }
  countUnder(state.figures.refused, why);
  say(state, opening, response, lingerMs, nowMs);
}

/** Bytes that the client has room for; nothing may be sent into a window that is closed. */
function clientWindow({ client }: Opening): number {
  return client.window * (client.scale === L.SCALE_NONE ? 1 : 2 ** client.scale);
}

/** Tells a TLS client why its ClientHello is given to no server. */
export function refuseHello(
  state: SwitchState,
  opening: Opening,
  alert: number,
  nowMs: number,
): void {
  const response = alertBytes(alert);
  turnAway(state, opening, `alert ${alert}`, { response, lingerMs: 0 }, nowMs);
}

/** The client ended its side before it asked for anything: so do we. */
export function endQuietly(state: SwitchState, opening: Opening, nowMs: number): void {
  state.figures.abandoned += 1;
  say(state, opening, NO_BYTES, 0, nowMs);
}

/** Nothing has come for so long: as a server ends a connection that it keeps alive. */
export function endIdle(state: SwitchState, opening: Opening, nowMs: number): void {
  state.figures.idleExpired += 1;
  say(state, opening, NO_BYTES, 0, nowMs);
}

function say(
  state: SwitchState,
  opening: Opening,
  response: Uint8Array,
  lingerMs: number,
  nowMs: number,
): void {
  const next = heldEnd(opening);
  const fin = opening.fin !== null && next === opening.fin;
  bidFarewell(state, opening, { response, clientEnd: next, clientFin: fin, lingerMs }, nowMs);
  sendResponse(state, opening);
}

/** What the client sent in order, gathered or held. */
function heldEnd(opening: Opening): number {
  if (!opening.handing) return nextExpected(opening);
  const { clientNext } = opening.handing;
  return advance(clientNext, 1) === opening.fin ? opening.fin : clientNext;
}

/**
 * Ends the connection with RST, to the last ack that was seen. `lingerMs`: how long a copy of the
 * request that comes late must not be taken for a new one, because a server may have acted on it.
 */
export function reset(
  state: SwitchState,
  opening: Opening,
  reason: string,
  nowMs: number,
  lingerMs = 0,
): void {
  countUnder(state.figures.resets, reason);
  const clientEnd = heldEnd(opening);
  bidFarewell(state, opening, { response: null, clientEnd, clientFin: false, lingerMs }, nowMs);
  sendReset(state, opening, advance(opening.switchIsn, 1));
  if (lingerMs === 0) return;
  // a server may have answered: then the client is farther, and perhaps waits for the rest
  opening.ackDueMs = nowMs + ASK_INTERVAL_MS;
  state.deadlines.add(opening, opening.ackDueMs);
}

/** The client ended it with RST: data that comes late must not open it anew. */
export function abandon(state: SwitchState, opening: Opening, nowMs: number): void {
  state.figures.abandoned += 1;
  const wasHanded = opening.handing !== null || opening.client.isn !== opening.entryIsn;
  // what it sent before may still come, and its cookie is good
  leave(state, opening, wasHanded ? COOKIE_LIFE_MS : FAREWELL_MS, nowMs);
}

/** The entry stays, its packets keep coming to control, until the client has understood. */
function bidFarewell(
  state: SwitchState,
  opening: Opening,
  farewell: Farewell,
  nowMs: number,
): void {
  opening.phase = farewell.response === null ? 'reset' : 'refused';
  opening.farewell = farewell;
  // a copy of the first request may still come, and its cookie is good
  if (opening.client.isn !== opening.entryIsn) {
    farewell.lingerMs = Math.max(farewell.lingerMs, COOKIE_LIFE_MS);
  }
  opening.gather.discard();
  opening.ackDueMs = Infinity;
  opening.deadlineMs = nowMs + FAREWELL_MS;
  state.halfRead.delete(opening);
  state.endHanding(opening);
  state.openings.set(opening.entry, opening);
  state.deadlines.add(opening, opening.deadlineMs);
  joinFarewells(state, opening, nowMs);
}

function sendResponse(state: SwitchState, opening: Opening): void {
  const { response, clientEnd } = opening.farewell!;
  answer(state, opening, {
    flags: TCP_ACK | TCP_FIN | (response!.length > 0 ? TCP_PSH : 0),
    sequence: advance(opening.switchIsn, 1),
    acknowledgment: clientEnd,
    payload: response!,
  });
}

export function sendReset(state: SwitchState, opening: Opening, sequence: number): void {
  answer(state, opening, {
    flags: TCP_RST | TCP_ACK,
    sequence,
    acknowledgment: opening.farewell?.clientEnd ?? nextExpected(opening),
  });
}

/** A segment of a client that was refused or reset. */
export function farewellSegment(
  state: SwitchState,
  opening: Opening,
  packet: TcpPacket,
  nowMs: number,
): void {
  const farewell = opening.farewell!;
  // whoever ends it early: no other bytes may come under the cookie, which is still good
  const lingerMs = Math.max(farewell.lingerMs, FAREWELL_MS);
  // a copy that the network kept of its own SYN says nothing of its client
  if ((packet.flags & TCP_SYN) !== 0 && packet.sequence === opening.entryIsn) return;
  if ((packet.flags & (TCP_RST | TCP_SYN)) !== 0) {
    return leave(state, opening, lingerMs, nowMs);
  }
  if ((packet.flags & TCP_ACK) === 0) return;
  const end = advance(packet.sequence, segmentLength(packet));
  if (isAfter(end, farewell.clientEnd)) farewell.clientEnd = end;
  if ((packet.flags & TCP_FIN) !== 0) farewell.clientFin = true;
  // the last ack seen, and again to that of the client's challenge ACK (RFC 5961 section 3)
  if (farewell.response === null) return sendReset(state, opening, packet.acknowledgment);
  const sent = advance(opening.switchIsn, 2 + farewell.response.length);
  const isAcked = packet.acknowledgment === sent;
  if (segmentLength(packet) > 0) {
    if (!isAcked) sendResponse(state, opening);
    else {
      const acknowledgment = farewell.clientEnd;
      answer(state, opening, { flags: TCP_ACK, sequence: sent, acknowledgment });
    }
  }
  if (isAcked && farewell.clientFin) leave(state, opening, lingerMs, nowMs);
}

/** The time for farewells is over, or the client has not told yet where it is. */
export function farewellDeadline(state: SwitchState, opening: Opening, nowMs: number): void {
  if (nowMs >= opening.deadlineMs) return leave(state, opening, opening.farewell!.lingerMs, nowMs);
  if (nowMs >= opening.ackDueMs) askClient(state, opening, nowMs);
}

/**
 * Old bytes make a client tell its numbers (RFC 9293 section 3.10.7.4), which the RST needs. With a
 * byte: a bare old ACK whose timestamp is old too is not answered by Linux from 6.14 on, and others
 * only at times. Repeated, for a client that waits for a response says nothing by itself.
 */
export function askClient(state: SwitchState, opening: Opening, nowMs: number): void {
  opening.ackDueMs = nowMs + ASK_INTERVAL_MS;
  state.deadlines.add(opening, opening.ackDueMs);
  answer(state, opening, {
    flags: TCP_ACK,
    sequence: opening.switchIsn,
    acknowledgment: opening.acked,
    payload: OLD_BYTE,
  });
}

/** No server takes it: the client hears so at once, and nothing is kept of it. */
export function refuseSyn(state: SwitchState, opening: Opening): void {
  countUnder(state.figures.resets, 'no server');
  sendReset(state, opening, 0);
  dropSyn(state, opening);
}

/** The client repeats its SYN; if it was answered meanwhile, what it acknowledges is a good cookie. */
export function dropSyn(state: SwitchState, opening: Opening): void {
  state.forget(opening);
  removeEntry(state, opening.entry, opening.id);
}

/** Forgets the object; the entry goes, or stays closed for a while without a server. */
export function leave(state: SwitchState, opening: Opening, lingerMs: number, nowMs: number): void {
  state.forget(opening);
  state.fronts.ended(state, opening.entry, nowMs);
  if (lingerMs > 0 && !opening.bySyn)
    silenceEntry(state, opening.entry, opening.id, nowMs + lingerMs);
  else removeEntry(state, opening.entry, opening.id);
}
