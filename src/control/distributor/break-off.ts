import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { oweClose } from '../switch/close.ts';
import { recallEntry } from '../switch/update.ts';
import { giveUp } from './held.ts';
import { COOKIE_LIFE_MS, reset } from './refuse.ts';

/** The entry of a connection that no server has any more: its packets come here. */
export function recall(state: SwitchState, opening: Opening, nowMs: number): boolean {
  for (const held of opening.following?.held ?? []) {
    if (held.counted) giveUp(state, opening.entry);
  }
  return recallEntry(state, opening.entry, opening.id, nowMs + COOKIE_LIFE_MS);
}

/** Ends a connection that its server still has; the client is reset. */
export function breakOff(
  state: SwitchState,
  opening: Opening,
  reason: string,
  nowMs: number,
): void {
  const { entry, id, tuple } = opening;
  const server = state.serverOf(entry);
  if (!recall(state, opening, nowMs)) return state.forget(opening);
  state.endFollowing(opening);
  if (server) {
    state.dispatcher.release(server.index);
    oweClose(state, server, id, tuple, nowMs);
  }
  reset(state, opening, reason, nowMs, COOKIE_LIFE_MS);
}
