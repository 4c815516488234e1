import * as L from '../../../assembly/layout.ts';
import { advance } from '../../packet/sequence.ts';
import type { Choice, Opening, Question } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { acknowledgeSoon } from './answer.ts';
import { ask } from './ask.ts';
import { beginField } from './body-field.ts';
import { extentOf } from './extent.ts';
import { passUpTo, proceed } from './follow.ts';
import { readHead } from './head.ts';
import { isRecoverable } from '../switch/recovery.ts';
import { choiceFor } from './request.ts';
import { awaitAnswer, usableServers } from './choose-server.ts';

/**
 * Looks for a request head in what is gathered. True: it went on to its server. False: more must come,
 * or the server was asked to give the connection back.
 */
export function dispatchNext(state: SwitchState, opening: Opening, nowMs: number): boolean {
  const head = readHead(state, opening);
  if (head === null) {
    acknowledgeSoon(state, opening, nowMs);
    return false;
  }
  if (typeof head === 'number') {
    ask(state, opening, { status: head, mustMove: true }, nowMs);
    return false;
  }
  const extent = extentOf(head, head.bytes);
  beginField(state, opening, head, nowMs);
  const choice = extent && choiceFor(state, opening, head);
  if (!extent || !choice) {
    ask(state, opening, { status: 400, mustMove: true }, nowMs);
    return false;
  }
  const next = { ...choice, extent };
  if (askWhere(state, opening, next, nowMs)) return false;
  return goOn(state, opening, next, whereTo(state, opening, next, nowMs), nowMs);
}

type Where = 'here' | 'elsewhere' | 'rather elsewhere';

/** As dispatchNext. */
function goOn(
  state: SwitchState,
  opening: Opening,
  next: Choice,
  where: Where,
  nowMs: number,
): boolean {
  const mustMove = where === 'elsewhere' || next.headOnly || needsHandoff(opening);
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

/** The dispatcher of another host says whether it goes on here. False: there is none to ask. */
function askWhere(state: SwitchState, opening: Opening, choice: Choice, nowMs: number): boolean {
  const { remote } = state;
  const { pool, target } = choice;
  if (!remote?.canAsk(nowMs) || state.dispatcher.isBlind(pool)) return false;
  if (state.quorums.servingFor(pool) !== pool) return false;
  const present = state.connections.record16(opening.entry, L.RECORD_SERVER);
  if (!state.dispatcher.members(pool).includes(present)) return false;
  const usable = usableServers(state, opening, pool, []);
  if (usable[present] !== 1) return false;
  const next = { choice, deadlineMs: opening.deadlineMs };
  awaitAnswer(state, remote, { opening, pool, target, usable, present, next }, nowMs);
  return true;
}

/** It has said; `server` NO_SERVER: it has not, and will not. */
export function decidedNext(
  state: SwitchState,
  question: Question,
  server: number,
  nowMs: number,
): void {
  const { opening, present, usable } = question;
  const { choice, deadlineMs } = question.next!;
  opening.question = null;
  opening.deadlineMs = deadlineMs;
  state.deadlines.add(opening, deadlineMs);
  const isAnswer = usable[server] === 1;
  const told = server === present ? 'here' : 'rather elsewhere';
  const where = isAnswer ? told : whereTo(state, opening, choice, nowMs);
  if (!isAnswer) state.remote!.decidedHere();
  if (goOn(state, opening, choice, where, nowMs)) proceed(state, opening, nowMs);
}

/** elsewhere: the server that has the connection may not answer the request. */
function whereTo(
  state: SwitchState,
  opening: Opening,
  { pool, target }: Choice,
  nowMs: number,
): Where {
  const here = state.connections.record16(opening.entry, L.RECORD_SERVER);
  const serving = state.quorums.servingFor(pool) ?? pool;
  // a connection of a pool that is down stays with its server; one of a sorry pool goes back
  const isIn = (name: string) => state.dispatcher.members(name).includes(here);
  if (!isIn(pool) && !isIn(serving)) return 'elsewhere';
  const usable = usableServers(state, opening, pool, []);
  // it may be dead: the request waits until that is sure
  const isAway = !state.servers[here]!.up && isRecoverable(state, opening.entry);
  if (isAway && usable.includes(1)) return 'elsewhere';
  if (state.servers[here]!.isLeft) return usable.includes(1) ? 'rather elsewhere' : 'here';
  if (usable[here] !== 1) return 'here';
  const wanted = state.dispatcher.follow(serving, target, here, usable, nowMs);
  return wanted === here ? 'here' : 'rather elsewhere';
}
