import * as L from '../../../assembly/layout.ts';
import { HEAD_ERROR_TOO_LONG } from '../../../assembly/parse/head-errors.ts';
import { advance } from '../../packet/sequence.ts';
import { RequestHead } from '../dispatcher/request-head.ts';
import type { Choice, Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { ask } from './ask.ts';
import { extentOf } from './extent.ts';
import { passUpTo } from './follow.ts';
import { choiceFor } from './request.ts';
import { usableServers } from './choose-server.ts';

const ACK_DELAY_MS = 40;

/**
 * Looks for a request head in what is gathered. True: it went on to its server. False: more must come,
 * or the server was asked to give the connection back.
 */
export function dispatchNext(state: SwitchState, opening: Opening, nowMs: number): boolean {
  const { gather } = opening;
  const bytes = gather.contents;
  state.connections.writeBuffer(bytes);
  const result = state.core.parseHead(L.CONTROL_BUFFER, bytes.length, L.CONTROL_HEAD);
  const isFull = gather.room === 0;
  if (result === 0 && !isFull) {
    opening.ackDueMs = nowMs + ACK_DELAY_MS;
    state.deadlines.add(opening, opening.ackDueMs);
    return false;
  }
  if (result <= 0) {
    const isLong = result === 0 || -result === HEAD_ERROR_TOO_LONG;
    ask(state, opening, { status: isLong ? 431 : 400, mustMove: true }, nowMs);
    return false;
  }
  const head = new RequestHead(bytes, state.connections.view, L.CONTROL_HEAD);
  const extent = extentOf(head, bytes);
  const choice = extent && choiceFor(state, opening, head);
  if (!extent || !choice) {
    ask(state, opening, { status: 400, mustMove: true }, nowMs);
    return false;
  }
  const next = { ...choice, extent };
  const where = whereTo(state, opening, next, nowMs);
  const mustMove = where === 'elsewhere' || choice.headOnly || needsHandoff(opening);
  if (where === 'here' && !mustMove) return pass(state, opening, next);
  ask(state, opening, { choice: next, mustMove }, nowMs);
  return false;
}

/**
 * Bytes that we have acknowledged only a handoff brings to a server for sure. After a request for an
 * upgrade only the agent knows what the bytes mean.
 */
function needsHandoff(opening: Opening): boolean {
  return opening.acked !== opening.gather.base || opening.following!.isUpgrading;
}

/** The server that has the connection gets the request, too. */
export function pass(state: SwitchState, opening: Opening, choice: Choice): boolean {
  const following = opening.following!;
  const { body, next } = choice.extent!;
  following.body = body;
  following.isUpgrading = choice.isUpgrade;
  state.figures.followed += 1;
  passUpTo(state, opening, advance(opening.gather.base, next), 1);
  return opening.phase === 'following';
}

/** elsewhere: the server that has the connection may not answer the request. */
function whereTo(
  state: SwitchState,
  opening: Opening,
  { pool, target }: Choice,
  nowMs: number,
): 'here' | 'elsewhere' | 'rather elsewhere' {
  const here = state.connections.record16(opening.entry, L.RECORD_SERVER);
  if (!state.dispatcher.members(pool).includes(here)) return 'elsewhere';
  const usable = usableServers(state, opening, pool, []);
  if (usable[here] !== 1) return 'here';
  const wanted = state.dispatcher.follow(pool, target, here, usable, nowMs);
  return wanted === here ? 'here' : 'rather elsewhere';
}
