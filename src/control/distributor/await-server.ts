// Requests for which no server is there, or none has room. Where the pool has a queue they wait in the
// order in which they came, elsewhere each for itself.
import { placesOf } from '../capacity.ts';
import { NO_SERVER } from '../dispatcher/policy.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { usableServers } from './choose-server.ts';
import { tryNext, tryNow } from './handoff.ts';
import { awaitsOthers } from './await-others.ts';
import { WAITING_LIMIT } from './queues.ts';
import { refuse, refuseSyn, reset } from './refuse.ts';

/** Between two tries of servers that have refused; one that comes back is asked at once. */
const RETRY_MS = 250;

/** All servers are away, or cannot take it now: they may be restarting. */
export function awaitServer(state: SwitchState, opening: Opening, nowMs: number): void {
  const handing = opening.handing!;
  const { waiting, queues } = state;
  if (state.probes.serverOf(opening.tuple)) return decline(state, opening, nowMs);
  if (queues.of(handing.pool)) return queueUp(state, opening, nowMs);
  if (nowMs >= handing.waitsUntilMs || waiting.size >= WAITING_LIMIT) {
    return decline(state, opening, nowMs);
  }
  handing.server = NO_SERVER;
  handing.tried = [];
  waiting.add(opening);
  opening.deadlineMs = Math.min(nowMs + RETRY_MS, handing.waitsUntilMs);
  state.deadlines.add(opening, opening.deadlineMs);
}

/** A server is back: who waits is not kept waiting. */
export function askAnew(state: SwitchState, nowMs: number): void {
  state.queues.isDue = true;
  // those for whom it is none wait again, behind the others
  const waited = [...state.waiting];
  for (const opening of waited) endWait(state, opening, nowMs);
}

export function endWait(state: SwitchState, opening: Opening, nowMs: number): void {
  state.waiting.delete(opening);
  tryNext(state, opening, nowMs);
}

/** No server is left. */
function decline(state: SwitchState, opening: Opening, nowMs: number): void {
  if (opening.bySyn) refuseSyn(state, opening);
  else if (opening.service.protocol === 'tcp') reset(state, opening, 'no server', nowMs);
  else refuse(state, opening, 503, nowMs);
}

/** At the place that its ticket says. */
function queueUp(state: SwitchState, opening: Opening, nowMs: number): void {
  const handing = opening.handing!;
  const { figures, queues } = state;
  handing.server = NO_SERVER;
  if (nowMs >= handing.waitsUntilMs) return giveUpWaiting(state, opening, nowMs);
  if (!handing.hasQueued) figures.queued += 1;
  handing.hasQueued = true;
  queues.join(opening);
  // who has not been asked may have room already
  const { pool, tried } = handing;
  const mayHaveRoom = usableServers(state, opening, pool, tried).includes(1);
  if (mayHaveRoom) queues.isDue = true;
  const retryMs = mayHaveRoom || tried.length > 0 ? nowMs + RETRY_MS : Infinity;
  opening.deadlineMs = Math.min(retryMs, handing.waitsUntilMs);
  state.deadlines.add(opening, opening.deadlineMs);
}

function giveUpWaiting(state: SwitchState, opening: Opening, nowMs: number): void {
  state.queues.leave(opening);
  state.figures.queueExpired += 1;
  decline(state, opening, nowMs);
}

/** The time of one that waits in a queue is over, or servers that have refused it may be asked again. */
export function queueDeadline(state: SwitchState, opening: Opening, nowMs: number): void {
  const handing = opening.handing!;
  if (nowMs >= handing.waitsUntilMs) return giveUpWaiting(state, opening, nowMs);
  handing.tried = [];
  opening.deadlineMs = handing.waitsUntilMs;
  state.queues.isDue = true;
}

/**
 * Gives what room there is to those who wait, in their order. Once per event, behind all that it has freed:
 * nobody who comes with it takes a place before them.
 */
export function serveQueues(state: SwitchState, nowMs: number): void {
  const { dispatcher, queues } = state;
  const isDue = queues.isDue || dispatcher.hasReleased;
  queues.isDue = false;
  dispatcher.hasReleased = false;
  if (!isDue || queues.size === 0) return;
  giveRoom(state, nowMs);
  for (const opening of queues.takeSurplus()) {
    state.figures.queueFull += 1;
    decline(state, opening, nowMs);
  }
}

function giveRoom(state: SwitchState, nowMs: number): void {
  const { queues } = state;
  const places = new Map<string, number>();
  let without = 0;
  for (const opening of queues.inOrder()) {
    const { pool, tried } = opening.handing!;
    const left = places.get(pool) ?? placesOf(state, pool);
    if (!places.has(pool) && left === 0) without += 1;
    places.set(pool, left);
    if (without >= queues.poolCount) break;
    if (left === 0 || !usableServers(state, opening, pool, tried).includes(1)) continue;
    places.set(pool, left - 1);
    if (left === 1) without += 1;
    queues.leave(opening);
    if (!awaitsOthers(state, opening, nowMs)) tryNow(state, opening, nowMs);
  }
}
