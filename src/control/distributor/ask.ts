// Asking a server's agent to give a connection back, and what comes of it.
import * as L from '../../../assembly/layout.ts';
import type { Busy, HandoffId, Released, Tuple } from '../../channel/messages.ts';
import { buildPacket } from '../../packet/build.ts';
import { readPacket } from '../../packet/read.ts';
import { TCP_RST } from '../../../assembly/wire/tcp.ts';
import { advance, isAfter, isBefore } from '../../packet/sequence.ts';
import { sameId } from '../../tuple.ts';
import { NO_SERVER } from '../dispatcher/policy.ts';
import type { HeldPacket, NextRequest, Opening } from '../opening.ts';
import type { Server, SwitchState } from '../state.ts';
import { acknowledge } from './answer.ts';
import { breakOff, recall } from './break-off.ts';
import { beginHanding } from './handoff.ts';
import { giveUp } from './held.ts';
import { dropHeld, proceed, stopFollowing } from './follow.ts';
import { decidedNext, pass } from './next-request.ts';
import { park } from './park.ts';
import { COOKIE_LIFE_MS, refuse } from './refuse.ts';
import { isRecoverable } from '../switch/recovery.ts';
import { recallEntry } from '../switch/update.ts';

/** A move that is only better is not worth more than that. */
const PREFERENCE_MS = 1000;
/** The client has been told that the connection ends. */
const ENDING_MS = 1000;

/** Asks for the connection, for the request at the beginning of what is gathered. */
export function ask(state: SwitchState, opening: Opening, next: NextRequest, nowMs: number): void {
  Object.assign(opening.following!, { asked: next, unanswered: 0 });
  opening.ackDueMs = Infinity;
  state.asked.add(opening);
  // a slow response may take as long as an idle connection; who only leaves keeps nobody waiting
  const isPreference = !next.mustMove && next.choice !== undefined;
  opening.deadlineMs = nowMs + (isPreference ? PREFERENCE_MS : state.timing.idleTimeoutMs);
  state.deadlines.add(opening, opening.deadlineMs);
  askAgain(state, opening);
}

/** Also with a newer acknowledgment, which may be all that the agent waits for. */
export function askAgain(state: SwitchState, opening: Opening): void {
  const { connections } = state;
  const { entry, id, tuple, gather } = opening;
  const { asked, acknowledgment } = opening.following!;
  const server = state.serverOf(entry);
  if (!server || !asked || !canAnswer(server)) return;
  opening.following!.unanswered += 1;
  const requests = connections.record32(entry, L.RECORD_REQUESTS);
  const waits = asked.mustMove;
  const about = { sequence: gather.base, acknowledgment, requests, waits };
  state.send(server, { type: 'release', id, tuple, ...about });
}

/**
 * Before its list has come, what it gives back answers what it was asked before its channel broke: a request
 * may have gone to it since, which would be lost.
 */
function canAnswer({ up, listed }: Server): boolean {
  return up && listed === null;
}

/** The agent is back, and has told what it gave back meanwhile. */
export function askEachAgain(state: SwitchState, server: Server): void {
  for (const opening of state.asked) {
    if (state.serverOf(opening.entry) === server) askAgain(state, opening);
  }
}

/**
 * Its channel broke: what would only be better is left, unless the server is not needed for it. The others
 * wait until it is back.
 */
export function loseRelease(state: SwitchState, server: Server, nowMs: number): void {
  for (const opening of state.asked) {
    const asked = opening.following?.asked;
    if (asked?.mustMove !== false || state.serverOf(opening.entry) !== server) continue;
    if (!asked.choice || !isRecoverable(state, opening.entry)) stay(state, opening, nowMs);
    else {
      ask(state, opening, { ...asked, mustMove: true }, nowMs);
      // its answer may have been lost, and nothing has gone to the server since
      opening.following!.unanswered = 1;
    }
  }
}

/** Who asked this server under that id. */
function askedUnder(state: SwitchState, server: Server, id: HandoffId): Opening | undefined {
  for (const opening of state.asked) {
    const isIt = sameId(opening.id, id) && state.serverOf(opening.entry) === server;
    const { asked, unanswered = 0 } = opening.following ?? {};
    if (isIt && asked && unanswered > 0) return opening;
  }
  return undefined;
}

/** The agent keeps it. */
export function busy(state: SwitchState, server: Server, message: Busy, nowMs: number): void {
  const opening = askedUnder(state, server, message.id);
  if (!opening) return;
  const asked = opening.following!.asked!;
  const { reason } = message;
  state.figures.busy += 1;
  opening.following!.unanswered -= 1;
  if (reason === 'upgraded') {
    settle(state, opening);
    return stopFollowing(state, opening, nowMs);
  }
  // an answer under way may still give it back: nothing must go to the server before
  if (!asked.mustMove && opening.following!.unanswered > 0) return;
  if (!asked.mustMove) return stay(state, opening, nowMs);
  if (reason === 'unknown') {
    settle(state, opening);
    return breakOff(state, opening, 'lost', nowMs);
  }
  if (reason === 'later') return askAgain(state, opening);
  if (reason !== 'ending') return; // its server closes the connection behind the response
  // the client hears of it from its server: its request is nobody's
  dropHeld(state, opening);
  opening.deadlineMs = Math.min(opening.deadlineMs, nowMs + ENDING_MS);
  state.deadlines.add(opening, opening.deadlineMs);
}

/** The server that has the connection gets the request. */
function stay(state: SwitchState, opening: Opening, nowMs: number): void {
  const { choice } = opening.following!.asked!;
  settle(state, opening);
  if (!choice || pass(state, opening, choice)) proceed(state, opening, nowMs);
}

function settle(state: SwitchState, opening: Opening): void {
  state.asked.delete(opening);
  if (opening.following) opening.following.asked = null;
}

/** The connection is ours: to another server, or to its end. */
export function released(
  state: SwitchState,
  server: Server,
  message: Released,
  nowMs: number,
): void {
  const { id } = message;
  state.send(server, { type: 'confirm', ids: [id], of: 'released' });
  const opening = askedUnder(state, server, id);
  if (!opening) return resetNobodys(state, message);
  state.figures.released += 1;
  taken(state, server, opening, message, nowMs);
}

/** No server has the connection that was asked for. `next` and `timestamp` as in `released`. */
export function taken(
  state: SwitchState,
  server: Server,
  opening: Opening,
  { next, timestamp }: Pick<Released, 'next' | 'timestamp'>,
  nowMs: number,
): void {
  const following = opening.following!;
  const { choice, status } = following.asked!;
  settle(state, opening);
  state.dispatcher.release(server.index);
  opening.switchIsn = advance(next, -1);
  if (isAfter(timestamp, opening.client.timestampSwitch)) {
    opening.client.timestampSwitch = timestamp;
  }
  opening.openedMs = nowMs;
  if (server.surplus) {
    opening.leaves = server.index;
    server.surplus.count -= 1;
    if (server.surplus.count === 0) server.surplus = null;
  }
  if (!choice && status === undefined) return park(state, opening, nowMs);
  const extent = choice?.extent;
  if (!choice || !extent) {
    const isOurs = recall(state, opening, nowMs);
    state.endFollowing(opening);
    if (isOurs) refuse(state, opening, status ?? 400, nowMs);
    else state.forget(opening);
    return;
  }
  const end = advance(opening.gather.base, extent.here);
  const held = keepFrom(state, opening, end);
  state.endFollowing(opening);
  if (!recallEntry(state, opening.entry, opening.id, nowMs + COOKIE_LIFE_MS))
    return state.forget(opening);
  const clientNext = opening.gather.next;
  opening.gather.cut(extent.here);
  state.figures.moves += 1;
  beginHanding(state, opening, { ...choice, held, clientNext }, nowMs);
}

/** Held packets with bytes from there on; the others are handed over in the handoff. */
function keepFrom(state: SwitchState, { entry, following }: Opening, end: number): HeldPacket[] {
  return following!.held.filter((held) => {
    const packet = readPacket(held.packet)!;
    const behind = advance(packet.sequence, packet.payload.length);
    const isKept = isAfter(behind, end) || !isBefore(packet.sequence, end);
    if (!isKept && held.counted) giveUp(state, entry);
    return isKept;
  });
}

/** Given back for a request that we know nothing of any more: no server has it, so its client must hear. */
function resetNobodys(state: SwitchState, { id, tuple, next }: Released): void {
  const entry = state.find(state.keyOf(tuple));
  const isYoungers = entry !== L.NO_ENTRY && !state.connections.hasId(entry, id);
  // told twice: it waits for a server, or is being answered, under the id that it had
  const { phase } = state.openings.get(entry) ?? {};
  if (isYoungers || (phase !== undefined && phase !== 'following')) return;
  const worker = entry === L.NO_ENTRY ? 0 : state.connections.worker(entry);
  state.transmit({ worker, packet: resetPacket(tuple, next) });
}

function resetPacket(tuple: Tuple, sequence: number): Uint8Array {
  return buildPacket({
    source: tuple.vip,
    destination: tuple.client,
    sourcePort: tuple.vipPort,
    destinationPort: tuple.clientPort,
    sequence,
    flags: TCP_RST,
  });
}

/** A deadline of a connection that waits for the rest of a request, or for its server. */
export function followDeadline(state: SwitchState, opening: Opening, nowMs: number): void {
  const { asked, held } = opening.following!;
  const { question } = opening;
  if (nowMs >= opening.deadlineMs) {
    if (question) return decidedNext(state, question, NO_SERVER, nowMs);
    if (asked && !asked.mustMove) return stay(state, opening, nowMs);
    if (!asked && held.length === 0 && rests(state, opening, nowMs)) return;
    settle(state, opening);
    return breakOff(state, opening, asked ? 'not released' : 'slow', nowMs);
  }
  if (nowMs >= opening.ackDueMs) acknowledge(state, opening);
}

/** Nothing of a next request is here. What is known of the last one is kept as long as anything comes. */
function rests(state: SwitchState, opening: Opening, nowMs: number): boolean {
  const { body, isUpgrading } = opening.following!;
  if (!body && !isUpgrading) {
    const isIdle = isKnown(state, opening);
    if (isIdle) state.forget(opening);
    return isIdle;
  }
  const seenMs = state.connections.entry32(opening.entry, L.ENTRY_LAST_SEEN) * 1000;
  const dueMs = seenMs + state.timing.idleTimeoutMs;
  if (dueMs <= nowMs) return false;
  opening.deadlineMs = dueMs;
  return true;
}

function isKnown({ connections }: SwitchState, { entry }: Opening): boolean {
  return connections.record32(entry, L.RECORD_REQUESTS) !== 0;
}
