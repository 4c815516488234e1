// Which servers are open to new connections: what the operator and the health checks say of them.
import type { HealthEvent, ModeEvent } from '../../event.ts';
import { askAnew } from '../distributor/handoff.ts';
import { isDraining } from '../server.ts';
import type { SwitchState } from '../state.ts';

/** What the server has stays with it; requests that wait for a server are not kept waiting. */
export function setMode(
  state: SwitchState,
  { server: name, mode }: ModeEvent,
  nowMs: number,
): void {
  const server = state.serverNamed(name);
  if (!server) return;
  server.mode = mode;
  // nobody checks it there, and what was found before is old when it comes back
  if (mode === 'maint') server.unhealthyIn.clear();
  if (!isDraining(server)) askAnew(state, nowMs);
}

export function setHealth(
  state: SwitchState,
  { server: name, pool, healthy }: HealthEvent,
  nowMs: number,
): void {
  const server = state.serverNamed(name);
  if (!server) return;
  if (!healthy) return void server.unhealthyIn.add(pool);
  if (server.unhealthyIn.delete(pool)) askAnew(state, nowMs);
}
