// Which servers are open to new connections: what the operator and their health say of them.
import type { HealthEvent, ModeEvent } from '../../event.ts';
import { askAnew } from '../distributor/await-server.ts';
import { isDraining } from '../server.ts';
import type { Server, SwitchState } from '../state.ts';
import { endHoldOffs } from './hold-off.ts';
import { cameUp } from './slow-start.ts';

/** What the server has stays with it; requests that wait for a server are not kept waiting. */
export function setMode(
  state: SwitchState,
  { server: name, mode, moves = false }: ModeEvent,
  nowMs: number,
): void {
  const server = state.serverNamed(name);
  if (!server) return;
  const before = server.mode;
  server.mode = mode;
  server.isLeft = mode === 'drain' && moves;
  // nobody checks it there, and what was found before is old when it comes back
  if (mode === 'maint') server.unhealthyIn.clear();
  if (isDraining(server)) return;
  // one that was only drained has worked all the time
  if (before === 'maint') comeUp(state, server, nowMs);
  else askAnew(state, nowMs);
}

export function setHealth(
  state: SwitchState,
  { server: name, pool, healthy }: HealthEvent,
  nowMs: number,
): void {
  const server = state.serverNamed(name);
  if (!server) return;
  if (!healthy) server.unhealthyIn.add(pool);
  else if (server.unhealthyIn.delete(pool)) comeUp(state, server, nowMs);
}

/** Those that were held off for long enough are tried again. Returns when the next are (ms). */
export function reopen(state: SwitchState, nowMs: number): number {
  const nextMs = nextHoldOffMs(state);
  if (nextMs > nowMs) return nextMs;
  for (const server of endHoldOffs(state, nowMs)) comeUp(state, server, nowMs);
  return nextHoldOffMs(state);
}

/** Asked at each event. */
function nextHoldOffMs(state: SwitchState): number {
  let nextMs = Infinity;
  for (const { heldOffUntilMs } of state.servers) nextMs = Math.min(nextMs, heldOffUntilMs);
  return nextMs;
}

function comeUp(state: SwitchState, server: Server, nowMs: number): void {
  cameUp(state, server, nowMs);
  askAnew(state, nowMs);
}
