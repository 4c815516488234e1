// Connections of a server that died. Agents tell which ones are between two requests, and where their
// clients are; that is kept in the records. When the server can say nothing more, another one can have
// them, as if they had been given back.
import * as C from '../../../assembly/calls.ts';
import * as L from '../../../assembly/layout.ts';
import type { Idle } from '../../channel/idle-message.ts';
import { taken } from '../distributor/ask.ts';
import { beginFollowing } from '../distributor/follow.ts';
import { distance } from '../../packet/sequence.ts';
import type { Server, SwitchState } from '../state.ts';
import { entryOf, oweClose } from './close.ts';

/** Clocks are not equally fast, and a worker looks at its clock once for a batch. */
const MARGIN_MS = 1000;
const TICK_MS = 20;

/** A server tells which connections are between two requests, or are not any more. */
export function idleTold(state: SwitchState, server: Server, { connections: told }: Idle): void {
  const { connections } = state;
  for (const { id, tuple, next, timestamp, sequence, requests } of told) {
    const entry = entryOf(state, tuple, id);
    if (entry === L.NO_ENTRY) continue;
    if (connections.record16(entry, L.RECORD_SERVER) !== server.index) continue;
    const isCurrent = sequence === connections.record32(entry, L.RECORD_REQUEST_NEXT);
    connections
      .templateOf(entry)
      .record32(L.RECORD_RESPONSES, isCurrent ? requests : 0)
      .record32(L.RECORD_SERVER_NEXT, next)
      .record32(L.RECORD_SERVER_TIMESTAMP, timestamp);
    state.update(entry, id, C.UPDATE_RESPONSES);
  }
}

/**
 * Whether another server can have the entry's connection without a word of its own: all requests that
 * went there were answered, and all answers acknowledged, when the agent told of it last.
 */
export function isRecoverable(state: SwitchState, entry: number): boolean {
  const { connections, openings } = state;
  // another switch of the group may have sent it a request
  if (state.owners.areThere || connections.state(entry) !== L.STATE_REQUESTS) return false;
  const requests = connections.record32(entry, L.RECORD_REQUESTS);
  if (requests === 0 || connections.record32(entry, L.RECORD_RESPONSES) !== requests) return false;
  const opening = openings.get(entry);
  if (!opening) return true;
  const { phase, following } = opening;
  if (phase !== 'following' || following!.body) return false;
  // its client has more of the server than we were told
  const next = connections.record32(entry, L.RECORD_SERVER_NEXT);
  return distance(following!.acknowledgment, next) <= 0;
}

/**
 * Takes a connection from a server that can say nothing more: its agent's lease is over, or it has
 * forgotten. With a request it goes to another server, without one it is parked. False: it cannot.
 */
export function recover(state: SwitchState, server: Server, entry: number, nowMs: number): boolean {
  if (!isRecoverable(state, entry)) return false;
  const opening = state.openings.get(entry) ?? beginFollowing(state, entry, nowMs);
  if (!opening?.following) return false;
  opening.following.asked ??= { mustMove: false };
  const { connections } = state;
  oweClose(state, server, opening.id, opening.tuple, nowMs);
  state.figures.recovered += 1;
  const next = connections.record32(entry, L.RECORD_SERVER_NEXT);
  const timestamp = connections.record32(entry, L.RECORD_SERVER_TIMESTAMP);
  taken(state, server, opening, { next, timestamp }, nowMs);
  return true;
}

/** Looks for requests that wait until their connection's server, which is away, is silent for sure. */
export class Recovery {
  private nextMs = -Infinity;

  /** Does what is due; returns when it wants to be called again. */
  time(state: SwitchState, nowMs: number): number {
    if (state.asked.size === 0 || state.servers.every(({ up }) => up)) return Infinity;
    if (nowMs < this.nextMs) return this.nextMs;
    this.nextMs = nowMs + TICK_MS;
    let waits = false;
    for (const opening of state.asked) {
      const server = state.serverOf(opening.entry);
      if (!server || server.up || !isRecoverable(state, opening.entry)) continue;
      if (nowMs >= server.heardMs + state.timing.leaseMs + MARGIN_MS) {
        recover(state, server, opening.entry, nowMs);
      } else waits = true;
    }
    return waits ? this.nextMs : Infinity;
  }
}
