import type { Server, SwitchState } from '../state.ts';

/** A server can be used that could not. At the start of the switch nobody knows since when. */
export function cameUp(state: SwitchState, server: Server, nowMs: number): void {
  if (nowMs < state.learningUntilMs) return;
  state.dispatcher.startSlowly(server.index, server.slowStartMs, nowMs);
}
