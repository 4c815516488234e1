import * as L from '../../../assembly/layout.ts';
import type { Close, HandoffId, Tuple } from '../../channel/messages.ts';
import { finishHeld } from '../distributor/held.ts';
import type { Server, SwitchState } from '../state.ts';
import { closeEntry, removeEntry } from './update.ts';

/** Tells the server's agent that a connection is over, until it has confirmed. */
export function oweClose(
  state: SwitchState,
  server: Server,
  id: HandoffId,
  tuple: Tuple,
  nowMs: number,
): void {
  // it gave nothing: the distributor has timeouts of its own
  if (state.config.inFront) return;
  state.owed.add(id, tuple, server.index, nowMs);
  state.send(server, { type: 'close', id, tuple });
}

/** Takes a connection out of the table and from its server, which forgets it. False: it is gone. */
export function endEntry(state: SwitchState, entry: number, nowMs: number): boolean {
  const { connections } = state;
  const id = connections.id(entry);
  const tuple = state.tupleOf(entry);
  const server = state.serverOf(entry);
  if (!removeEntry(state, entry, id)) return false;
  if (!server) return true;
  state.dispatcher.release(server.index);
  oweClose(state, server, id, tuple, nowMs);
  return true;
}

/** Takes a connection out of the table of this switch alone. */
export function forgetEntry(state: SwitchState, entry: number): void {
  const server = state.serverOf(entry);
  const isGone = removeEntry(state, entry, state.connections.id(entry));
  if (isGone && server) state.dispatcher.release(server.index);
}

/** Sends again what was not confirmed in time. */
export function repeatCloses(state: SwitchState, nowMs: number): void {
  for (const owed of state.owed.takeDue(nowMs)) {
    const server = state.servers[owed.server]!;
    state.send(server, { type: 'close', id: owed.id, tuple: owed.tuple });
  }
}

/** The entry of a tuple if it still is the connection with that id. */
export function entryOf(state: SwitchState, tuple: Tuple, id: HandoffId): number {
  const entry = state.find(state.keyOf(tuple));
  return entry !== L.NO_ENTRY && state.connections.hasId(entry, id) ? entry : L.NO_ENTRY;
}

/** Whether the entry counts as a connection of its server. */
export function isAssigned(entryState: number): boolean {
  return (
    entryState === L.STATE_HELD ||
    entryState === L.STATE_DRAINING ||
    entryState === L.STATE_FORWARD ||
    entryState === L.STATE_PASSED ||
    entryState === L.STATE_REQUESTS ||
    entryState === L.STATE_UNPROVEN
  );
}

/** The server says that the connection is over: its entry lingers for what is late. */
export function closed(state: SwitchState, server: Server, message: Close, nowMs: number): void {
  const { id, tuple } = message;
  state.send(server, { type: 'confirm', ids: [id], of: 'close' });
  state.owed.settle(id, server.index);
  const entry = entryOf(state, tuple, id);
  if (entry === L.NO_ENTRY) return;
  const { connections } = state;
  if (connections.record16(entry, L.RECORD_SERVER) !== server.index) return;
  const before = connections.state(entry);
  const opening = state.openings.get(entry);
  if (opening?.phase === 'following') state.forget(opening);
  else if (opening && opening.phase !== 'handing') return;
  // over before `ready` was read: what was held still belongs to it
  if (opening?.phase === 'handing') {
    state.pending.delete(id.counter);
    finishHeld(state, opening, server, nowMs);
  }
  const isNew = isAssigned(before);
  if (before === L.STATE_UNPROVEN) {
    // refused, or its client did not want it: nothing of it is late
    if (removeEntry(state, entry, id)) state.dispatcher.release(server.index);
    return;
  }
  if (closeEntry(state, entry, id, nowMs + state.timing.lingerMs) && isNew) {
    state.dispatcher.release(server.index);
    state.figures.closed += 1;
  }
}
