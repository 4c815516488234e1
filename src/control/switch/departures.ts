// Connections that leave a server which its operator drains with --move, or that has more than its share
// when they are shared anew: each between two requests.
import * as L from '../../../assembly/layout.ts';
import { TableWalk } from '../../table-walk.ts';
import { ask } from '../distributor/ask.ts';
import { beginFollowing } from '../distributor/follow.ts';
import { isDraining } from '../server.ts';
import type { Server, SwitchState } from '../state.ts';

/** So many connections without a request are asked for at a time. */
export const DEPARTURES_LIMIT = 64;
const TICK_MS = 20;
/** A busy connection is asked for again so soon. */
const ROUND_MS = 500;
/** The whole table is looked at once in so many ticks. */
const TICKS = ROUND_MS / TICK_MS;

/** Takes idle connections from servers that are to have none. Busy ones are asked for round by round. */
export class Departures {
  private readonly walk: TableWalk;
  private nextMs = -Infinity;

  constructor(entryCount: number) {
    this.walk = new TableWalk(entryCount, entryCount);
  }

  /** Does what is due; returns when it wants to be called again. */
  time(state: SwitchState, nowMs: number): number {
    const left = state.servers.filter((server) => isLeft(state, server, nowMs));
    if (left.length === 0) return Infinity;
    if (nowMs < this.nextMs) return this.nextMs;
    this.nextMs = nowMs + TICK_MS;
    const asked = countAsked(state);
    let room = DEPARTURES_LIMIT;
    for (const count of asked.values()) room -= count;
    const most = Math.ceil(state.connections.entryCount / TICKS);
    // an entry at a time: the walk stops where the room ends
    for (let looked = 0; looked < most && room > 0; looked += 1) {
      for (const { from: entry } of this.walk.part(1)) {
        const server = mayLeave(state, entry, left);
        if (!server || !hasMore(server, asked) || !leave(state, entry, nowMs)) continue;
        asked.set(server, (asked.get(server) ?? 0) + 1);
        room -= 1;
      }
    }
    return this.nextMs;
  }
}

/** It has connections that others may take. */
function isLeft(state: SwitchState, server: Server, nowMs: number): boolean {
  if (server.surplus && nowMs >= server.surplus.untilMs) server.surplus = null;
  if ((!server.isLeft && !server.surplus) || !server.up || !server.givesBack) return false;
  if ((state.dispatcher.loads.active[server.index] ?? 0) === 0) return false;
  return state.servers.some((other) => other.up && other.isConfigured && !isDraining(other));
}

/** Those that were asked for without a request. */
function countAsked(state: SwitchState): Map<Server, number> {
  const counts = new Map<Server, number>();
  for (const { following, entry } of state.asked) {
    const server = state.serverOf(entry);
    if (!server || following?.asked?.choice !== undefined) continue;
    counts.set(server, (counts.get(server) ?? 0) + 1);
  }
  return counts;
}

/** All of a server that is drained; else no more than its surplus at a time. */
function hasMore(server: Server, asked: ReadonlyMap<Server, number>): boolean {
  return server.isLeft || (asked.get(server) ?? 0) < (server.surplus?.count ?? 0);
}

/** Its requests are known, and nothing is known of a next one; the rest its agent knows. */
function mayLeave(state: SwitchState, entry: number, left: readonly Server[]): Server | undefined {
  const { connections, openings } = state;
  if (connections.state(entry) !== L.STATE_REQUESTS || openings.has(entry)) return undefined;
  if (connections.record32(entry, L.RECORD_REQUESTS) === 0) return undefined;
  const server = state.serverOf(entry);
  return server && left.includes(server) ? server : undefined;
}

function leave(state: SwitchState, entry: number, nowMs: number): boolean {
  const opening = beginFollowing(state, entry, nowMs);
  if (opening) ask(state, opening, { mustMove: false }, nowMs);
  return opening !== undefined;
}
