import type { Failed, HandoffId, Ready } from '../../channel/messages.ts';
import { NOT_YOURS } from '../../channel/group-messages.ts';
import { NO_SERVER } from '../dispatcher/policy.ts';
import { countUnder } from '../figures.ts';
import type { Choice, HeldPacket, Opening, Question } from '../opening.ts';
import type { Server, SwitchState } from '../state.ts';
import { oweClose } from '../switch/close.ts';
import { countFailed } from '../switch/hold-off.ts';
import { holdEntry } from '../switch/update.ts';
import { awaitsOthers } from './await-others.ts';
import { awaitServer, endWait, queueDeadline } from './await-server.ts';
import { acceptAnswer, askDispatcher, avoided, chooseServer } from './choose-server.ts';
import { followOn } from './follow.ts';
import { handoffMessage } from './handoff-message.ts';
import { bytesOf, finishHeld, isServed } from './held.ts';
import { COOKIE_LIFE_MS, dropSyn, reset } from './refuse.ts';

/** How many deadlines the switch waits while the asked agent's channel lives. */
const PATIENCE = 5;
/** How long an agent whose channel broke may be away before its handoffs under way are given up. */
const RETURN_MS = 4000;

/** The request is read: look for a server. */
export function beginHanding(
  state: SwitchState,
  opening: Opening,
  choice: Choice & { held?: HeldPacket[]; clientNext?: number },
  nowMs: number,
): void {
  opening.phase = 'handing';
  state.halfRead.delete(opening);
  opening.ackDueMs = Infinity;
  const { held = [] } = choice;
  const heldBytes = bytesOf(held);
  state.heldBytes += heldBytes;
  const waitMs = state.queues.of(choice.pool)?.timeoutMs ?? state.timing.serverWaitMs;
  opening.handing = {
    clientNext: opening.gather.next,
    ...choice,
    held,
    heldBytes,
    server: NO_SERVER,
    tried: avoided(state, opening, choice),
    proven: false,
    patienceMs: Infinity,
    isLost: false,
    isReserved: false,
    questions: 0,
    waitsUntilMs: nowMs + waitMs,
    ticket: state.queues.ticket(),
    hasQueued: false,
  };
  tryNext(state, opening, nowMs);
}

/** Asks the next server that may take it; none is left: waits for one, or 503. */
export function tryNext(state: SwitchState, opening: Opening, nowMs: number): void {
  if (awaitsOthers(state, opening, nowMs)) return;
  const isCheck = state.probes.serverOf(opening.tuple) !== undefined;
  if (!isCheck && state.queues.isBehind(opening.handing!)) awaitServer(state, opening, nowMs);
  else tryNow(state, opening, nowMs);
}

/** As tryNext(), whoever else waits. */
export function tryNow(state: SwitchState, opening: Opening, nowMs: number): void {
  if (!askDispatcher(state, opening, nowMs)) chooseHere(state, opening, nowMs);
}

/** Nobody else decides. */
function chooseHere(state: SwitchState, opening: Opening, nowMs: number): void {
  giveTo(state, opening, chooseServer(state, opening, nowMs), nowMs);
}

/** The dispatcher of another host has decided. NO_SERVER: it has not, and will not. */
export function decided(
  state: SwitchState,
  question: Question,
  server: number,
  nowMs: number,
): void {
  question.opening.question = null;
  giveTo(state, question.opening, acceptAnswer(state, question, server, nowMs), nowMs);
}

/** Hands the connection to that server, which counts as assigned; without one it waits. */
function giveTo(state: SwitchState, opening: Opening, index: number, nowMs: number): void {
  const handing = opening.handing!;
  const server = state.servers[index];
  if (!server) return awaitServer(state, opening, nowMs);
  const id = state.nextId();
  const deadlineMs = nowMs + state.timing.handoffTimeoutMs;
  if (!holdEntry(state, opening, id, server, deadlineMs)) {
    state.dispatcher.release(index);
    // the entry is no longer ours
    return state.forget(opening);
  }
  const isFirst = opening.id.run === 0 && opening.id.counter === 0;
  if (isFirst) state.firstCounter[opening.entry] = id.counter;
  handing.server = index;
  handing.tried.push(index);
  handing.patienceMs = nowMs + PATIENCE * state.timing.handoffTimeoutMs;
  handing.isLost = false;
  opening.id = id;
  opening.deadlineMs = deadlineMs;
  state.deadlines.add(opening, deadlineMs);
  state.pending.set(id.counter, opening);
  state.figures.handoffs += 1;
  server.figures.handoffs += 1;
  state.send(server, handoffMessage(opening, id, server));
}

/** The handoff under way is over for us, whatever the agent says later. */
export function takeBack(state: SwitchState, opening: Opening, nowMs: number): void {
  const server = state.servers[opening.handing!.server];
  opening.question = null;
  if (!server) {
    state.queues.leave(opening);
    return void state.waiting.delete(opening);
  }
  state.pending.delete(opening.id.counter);
  state.dispatcher.release(server.index);
  oweClose(state, server, opening.id, opening.tuple, nowMs);
}

/** The opening that waits for this server's answer under this id. */
function asked(state: SwitchState, server: Server, id: HandoffId): Opening | undefined {
  const opening = state.pending.get(id.counter);
  if (opening?.phase !== 'handing' || id.run !== state.run) return undefined;
  if (opening.id.counter !== id.counter || opening.handing!.server !== server.index) {
    return undefined;
  }
  return opening;
}

export function ready(state: SwitchState, server: Server, message: Ready, nowMs: number): void {
  state.send(server, { type: 'confirm', ids: [message.id], of: 'ready' });
  const opening = asked(state, server, message.id);
  if (opening) becomeReady(state, opening, server, nowMs);
}

/** The server has the connection. */
function becomeReady(state: SwitchState, opening: Opening, server: Server, nowMs: number): void {
  const { handing } = opening;
  state.pending.delete(opening.id.counter);
  if (!finishHeld(state, opening, server, nowMs)) {
    state.dispatcher.release(server.index);
    return oweClose(state, server, opening.id, opening.tuple, nowMs);
  }
  const isFollowed = handing!.extent !== null;
  if (isFollowed) followOn(state, opening.entry, handing!, nowMs);
  if (opening.bySyn) state.unproven.add(opening.entry, opening.id, nowMs);
  // its next requests come here
  if (!isFollowed) tellFronts(state, opening, server, nowMs);
  state.figures.ready += 1;
  server.figures.ready += 1;
  server.failedInRow = 0;
  state.figures.handoffMs.add(nowMs - opening.openedMs);
}

/** A handoff to this very host changes nothing for a switch in front. */
function tellFronts(
  state: SwitchState,
  { entry, id, tuple, client }: Opening,
  server: Server,
  nowMs: number,
): void {
  if (server.name === state.hostName) state.figures.localHandoffs += 1;
  const binding = state.bindingOf(server, tuple.vip, tuple.vipPort);
  if (server.name === state.hostName || !binding || !state.fronts.notices.areThere) return;
  const connection = { id, tuple, clientIsn: client.isn };
  state.fronts.passed(state, entry, connection, server, binding, nowMs);
}

export function failed(state: SwitchState, server: Server, message: Failed, nowMs: number): void {
  state.send(server, { type: 'confirm', ids: [message.id], of: 'failed' });
  state.owed.settle(message.id, server.index);
  const opening = asked(state, server, message.id);
  if (!opening) return;
  state.pending.delete(message.id.counter);
  state.dispatcher.release(server.index);
  countFailure(state, server, message.delivered, message.reason);
  countFailed(state, server, opening.handing!.pool, nowMs);
  // a restart is no reason not to ask the same server again
  if (opening.handing!.isLost) opening.handing!.tried = [];
  if (state.owners.areThere) state.questions.force(opening);
  if (message.reason.startsWith(NOT_YOURS)) opening.handing!.tried = [];
  if (message.delivered === 'no') tryNext(state, opening, nowMs);
  else reset(state, opening, 'maybe', nowMs, COOKIE_LIFE_MS);
}

function countFailure(
  state: SwitchState,
  server: Server,
  delivered: 'no' | 'maybe',
  reason: string,
): void {
  server.figures.failed += 1;
  if (delivered === 'no') state.figures.failedNo += 1;
  else state.figures.failedMaybe += 1;
  countUnder(state.figures.failedReasons, reason);
}

/** The channel broke, and with it the answer, if the client does not show it: the agent may be back soon. */
export function loseAnswer(
  state: SwitchState,
  opening: Opening,
  server: Server,
  nowMs: number,
): void {
  if (isServed(state, opening)) becomeReady(state, opening, server, nowMs);
  else if (!opening.handing!.isLost) awaitReturn(state, opening, nowMs);
}

function awaitReturn(state: SwitchState, opening: Opening, nowMs: number): void {
  const handing = opening.handing!;
  handing.isLost = true;
  handing.patienceMs = nowMs + RETURN_MS;
  opening.deadlineMs = handing.patienceMs;
  state.deadlines.add(opening, opening.deadlineMs);
}

/** The agent is back and has never heard of the handoff: it, or another one, is asked anew. */
export function handAgain(state: SwitchState, opening: Opening, nowMs: number): void {
  const handing = opening.handing!;
  if (!handing.isLost) return;
  const server = state.servers[handing.server]!;
  countFailure(state, server, 'no', 'channel lost');
  state.pending.delete(opening.id.counter);
  state.dispatcher.release(server.index);
  handing.tried = [];
  tryNext(state, opening, nowMs);
}

/** No answer in time, or none to be expected: the request may have reached the server. */
export function giveUpHanding(
  state: SwitchState,
  opening: Opening,
  reason: string,
  nowMs: number,
): void {
  const server = state.servers[opening.handing!.server]!;
  countFailure(state, server, 'maybe', reason);
  countFailed(state, server, opening.handing!.pool, nowMs);
  takeBack(state, opening, nowMs);
  if (opening.bySyn) dropSyn(state, opening);
  else reset(state, opening, 'maybe', nowMs, COOKIE_LIFE_MS);
}

/**
 * The agent answers within its own, shorter deadline, but on a starved machine its answer may come late.
 * As long as its channel lives the answer is worth waiting for: without it the client gets an RST.
 */
export function handingDeadline(state: SwitchState, opening: Opening, nowMs: number): void {
  if (nowMs < opening.deadlineMs) return;
  if (state.waiting.has(opening)) return endWait(state, opening, nowMs);
  if (state.queues.has(opening)) return queueDeadline(state, opening, nowMs);
  if (opening.question) {
    opening.question = null;
    return chooseHere(state, opening, nowMs);
  }
  const { server, patienceMs } = opening.handing!;
  if (!state.servers[server]!.up || nowMs >= patienceMs) {
    return giveUpHanding(state, opening, 'timeout', nowMs);
  }
  opening.deadlineMs = Math.min(nowMs + state.timing.handoffTimeoutMs, patienceMs);
  state.deadlines.add(opening, opening.deadlineMs);
}
