import * as L from '../../../assembly/layout.ts';
import { NO_SERVER } from '../dispatcher/policy.ts';
import { roomOf } from '../capacity.ts';
import type { Choice, Handing, Opening, Question } from '../opening.ts';
import { isOpen } from '../server.ts';
import type { Server, SwitchState } from '../state.ts';
import { ANSWER_MS } from './remote-dispatchers.ts';
import type { RemoteDispatchers } from './remote-dispatchers.ts';

/** Its index, or NO_SERVER: who knows the client, if it may be chosen, else the choice of the policy. */
export function chooseServer(state: SwitchState, opening: Opening, nowMs: number): number {
  const { pool, target, remember } = opening.handing!;
  const usable = usableServers(state, opening, pool, opening.handing!.tried);
  const probed = state.probes.serverOf(opening.tuple);
  if (probed) {
    if (usable[probed.index] !== 1) return NO_SERVER;
    state.dispatcher.adopt(probed.index);
    return probed.index;
  }
  const known = knownServer(state, opening.handing!, usable);
  if (known !== undefined) state.dispatcher.adopt(known);
  const serving = state.quorums.servingFor(pool) ?? pool;
  const index = known ?? state.dispatcher.assign(serving, target, usable, nowMs);
  if (known !== undefined) state.figures.known += 1;
  else if (index !== NO_SERVER) state.remote?.decidedHere();
  if (remember !== null && index !== NO_SERVER) state.affinities.set(remember, index);
  return index;
}

/** Who knows the client. */
function knownServer(
  { affinities }: SwitchState,
  { keys }: Handing,
  usable: Uint8Array,
): number | undefined {
  return keys.map((key) => affinities.get(key)).find((server) => usable[server] === 1);
}

/**
 * Asks a dispatcher on another host for a server. False: there is none that could answer, or nothing to
 * ask. The deadline of the connection is that of the answer.
 */
export function askDispatcher(state: SwitchState, opening: Opening, nowMs: number): boolean {
  const { remote } = state;
  if (!remote?.canAsk(nowMs) || state.probes.serverOf(opening.tuple)) return false;
  const handing = opening.handing!;
  const { pool, target, tried } = handing;
  const usable = usableServers(state, opening, pool, tried);
  if (!usable.includes(1) || knownServer(state, handing, usable) !== undefined) return false;
  handing.server = NO_SERVER;
  const serving = state.quorums.servingFor(pool) ?? pool;
  const question = { opening, pool: serving, target, usable, present: NO_SERVER, next: null };
  awaitAnswer(state, remote, question, nowMs);
  return true;
}

/** The connection waits for that answer. */
export function awaitAnswer(
  state: SwitchState,
  remote: RemoteDispatchers,
  question: Question,
  nowMs: number,
): void {
  const { opening } = question;
  opening.question = question;
  opening.deadlineMs = nowMs + ANSWER_MS;
  state.deadlines.add(opening, opening.deadlineMs);
  remote.ask(question);
}

/** A dispatcher's answer, if that server can still get the connection; else the choice is ours. */
export function acceptAnswer(
  state: SwitchState,
  question: Question,
  server: number,
  nowMs: number,
): number {
  const { opening, pool } = question;
  const { tried, remember } = opening.handing!;
  if (usableServers(state, opening, pool, tried)[server] !== 1) {
    state.remote!.decline(question, server);
    return chooseServer(state, opening, nowMs);
  }
  state.dispatcher.take(server);
  if (remember !== null) state.affinities.set(remember, server);
  return server;
}

/** The server that had too many connections, if another one can have this one. */
export function avoided(
  state: SwitchState,
  opening: Opening,
  { pool, keys }: Pick<Choice, 'pool' | 'keys'>,
): number[] {
  const { leaves } = opening;
  opening.leaves = null;
  // who is known by a session or a cookie goes where that is
  if (leaves === null || keys.length > 0) return [];
  return usableServers(state, opening, pool, [leaves]).includes(1) ? [leaves] : [];
}

/** Of a connection between two requests the server that has it: there it has its place already. */
function presentOf({ connections }: SwitchState, { phase, entry }: Opening): number {
  return phase === 'following' ? connections.record16(entry, L.RECORD_SERVER) : NO_SERVER;
}

/**
 * 1 for each server with room, a channel and a binding for this VIP that was not asked yet. Not before it has
 * told its connections: a request that it has from our former run must not run twice. Of a pool that is
 * down they are those that stand in for its servers; for a check, its server alone.
 */
export function usableServers(
  state: SwitchState,
  opening: Opening,
  pool: string,
  tried: readonly number[],
): Uint8Array {
  const { tuple, service } = opening;
  const usable = new Uint8Array(state.servers.length);
  const take = (server: Server): void => {
    if (!server.up || !server.known || tried.includes(server.index)) return;
    if (opening.bySyn && !server.takesSyns) return;
    if (service.eachRequest && !server.givesBack) return;
    if (state.bindingOf(server, tuple.vip, tuple.vipPort)) usable[server.index] = 1;
  };
  const probed = state.probes.serverOf(tuple);
  if (probed) {
    take(probed);
    return usable;
  }
  const present = presentOf(state, opening);
  const serving = state.quorums.servingFor(pool);
  if (serving === null) return usable;
  for (const index of state.dispatcher.members(serving)) {
    const server = state.servers[index]!;
    if (!isOpen(server, serving)) continue;
    if (index === present || roomOf(state, server, serving) >= 1) take(server);
  }
  return usable;
}
