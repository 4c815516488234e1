// How many connections servers may have.
import { isOpen } from './server.ts';
import type { Server } from './server.ts';
import type { SwitchState } from './state.ts';

/** Most connections that the server gets of that pool; Infinity: as many as come. */
function mostOf({ dispatcher }: SwitchState, server: Server, pool: string): number {
  return server.maxConnections ?? dispatcher.configOf(pool)?.maxConnections ?? Infinity;
}

/** How many connections more it may get of that pool; below 1: none. */
export function roomOf(state: SwitchState, server: Server, pool: string): number {
  return mostOf(state, server, pool) - state.dispatcher.loads.active[server.index]!;
}

/** How many connections more those may get that serve the pool now; Infinity: some has no limit. */
export function placesOf(state: SwitchState, pool: string): number {
  const serving = state.quorums.servingFor(pool);
  let count = 0;
  for (const index of serving === null ? [] : state.dispatcher.members(serving)) {
    const server = state.servers[index]!;
    if (!isOpen(server, serving!) || !server.up || !server.known) continue;
    count += Math.max(0, roomOf(state, server, serving!));
  }
  return count;
}

/** The most that any of its pools gives it; null: as many as come. */
export function limitOf(state: SwitchState, server: Server): number | null {
  const { dispatcher } = state;
  const pools = dispatcher.poolNames.filter((pool) =>
    dispatcher.members(pool).includes(server.index),
  );
  const most = Math.max(...pools.map((pool) => mostOf(state, server, pool)));
  return Number.isFinite(most) ? most : null;
}
