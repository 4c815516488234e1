// Connections between two requests that no server has: given back without a request, or lost with their
// server. The client sees nothing of it; the first bytes of its next request are handed to a server as a
// new connection's are. A replay without bytes would never be accepted by a listener with
// TCP_DEFER_ACCEPT, so none is made before.
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { renameEntry } from '../switch/update.ts';
import { recall } from './break-off.ts';
import { gatherOn } from './request.ts';

/**
 * The connection of a `following` opening is nobody's now. It gets an id of its own, so that a server's
 * agent that still has it under the old one is told to forget it.
 */
export function park(state: SwitchState, opening: Opening, nowMs: number): void {
  const isOurs = recall(state, opening, nowMs);
  state.endFollowing(opening);
  if (!isOurs || !renameEntry(state, opening, state.nextId())) return state.forget(opening);
  opening.phase = 'gathering';
  opening.isParked = true;
  opening.parsed = 0;
  opening.deadlineMs = nowMs + state.timing.idleTimeoutMs;
  state.deadlines.add(opening, opening.deadlineMs);
  state.figures.parked += 1;
  gatherOn(state, opening, nowMs);
}
