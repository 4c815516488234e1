// What handoffs tell of a server's health: one that failed too many in a row gets none for a while.
import type { Server } from '../server.ts';
import { isOpen } from '../server.ts';
import type { SwitchState } from '../state.ts';

/** A handoff of the pool's connections has failed. */
export function countFailed(
  state: SwitchState,
  server: Server,
  wanted: string,
  nowMs: number,
): void {
  server.failedInRow += 1;
  // or of the pool that stood in for it
  const isIn = state.dispatcher.members(wanted).includes(server.index);
  const pool = isIn ? wanted : (state.quorums.servingFor(wanted) ?? wanted);
  const health = state.config.pools.find(({ name }) => name === pool)?.health;
  if (server.failedInRow < (health?.failures ?? Infinity)) return;
  // where no other one is left, trying is better than refusing
  const isAnother = state.dispatcher.members(pool).some((index) => {
    const other = state.servers[index]!;
    return other !== server && other.up && other.known && isOpen(other, pool);
  });
  if (isAnother) server.heldOffUntilMs = nowMs + health!.downMs;
}

/** Those whose time is over; one failure more holds them off again, one success clears them. */
export function endHoldOffs(state: SwitchState, nowMs: number): Server[] {
  const over = state.servers.filter(({ heldOffUntilMs }) => heldOffUntilMs <= nowMs);
  for (const server of over) server.heldOffUntilMs = Infinity;
  return over;
}
