import { NO_SERVER } from '../dispatcher/policy.ts';
import type { Opening } from '../opening.ts';
import { isOpen } from '../server.ts';
import type { SwitchState } from '../state.ts';

/** Its index, or NO_SERVER: who knows the client, if it may be chosen, else the choice of the policy. */
export function chooseServer(state: SwitchState, opening: Opening, nowMs: number): number {
  const { pool, target, keys, remember } = opening.handing!;
  const usable = usableServers(state, opening, pool, opening.handing!.tried);
  const known = keys.map((key) => state.affinities.get(key)).find((server) => usable[server] === 1);
  if (known !== undefined) state.dispatcher.adopt(known);
  const index = known ?? state.dispatcher.assign(pool, target, usable, nowMs);
  if (known !== undefined) state.figures.known += 1;
  if (remember !== null && index !== NO_SERVER) state.affinities.set(remember, index);
  return index;
}

/**
 * 1 for each server with a channel and a binding for this VIP that was not asked yet. Not before it has told
 * its connections: a request that it has from our former run must not run twice.
 */
export function usableServers(
  state: SwitchState,
  opening: Opening,
  pool: string,
  tried: readonly number[],
): Uint8Array {
  const { tuple, service } = opening;
  const usable = new Uint8Array(state.servers.length);
  for (const index of state.dispatcher.members(pool)) {
    const server = state.servers[index]!;
    if (!isOpen(server, pool)) continue;
    if (!server.up || !server.known || tried.includes(index)) continue;
    if (opening.bySyn && !server.takesSyns) continue;
    if (service.eachRequest && !server.givesBack) continue;
    if (state.bindingOf(server, tuple.vip, tuple.vipPort)) usable[index] = 1;
  }
  return usable;
}
