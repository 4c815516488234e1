import * as L from '../../../assembly/layout.ts';
import type { Server, SwitchState } from '../state.ts';
import { forgetEntry } from './close.ts';
import { recover } from './recovery.ts';
import { resetLost } from './resync.ts';

/** So long an agent is away, and nothing came from the client, before a connection is given up. */
const GONE_MS = 30_000;

/** Whether some server's agent has been away so long. */
export function hasOrphans(state: SwitchState, nowMs: number): boolean {
  return state.servers.some((server) => isGone(server, nowMs));
}

/**
 * Parks or resets the connections among `count` entries from `from` on whose server is gone: their clients
 * may wait for the rest of a response. Who still gets bytes acknowledges them, so its control channel alone
 * is cut.
 */
export function resetOrphans(state: SwitchState, from: number, count: number, nowMs: number): void {
  const { connections } = state;
  for (let entry = from; entry < from + count; entry += 1) {
    if (!isWithServer(connections.state(entry)) || state.openings.has(entry)) continue;
    const server = state.serverOf(entry);
    if (!server || !isGone(server, nowMs)) continue;
    // whole seconds
    const seenMs = (connections.entry32(entry, L.ENTRY_LAST_SEEN) + 1) * 1000;
    if (nowMs - seenMs < GONE_MS) continue;
    if (state.owners.areThere) forgetEntry(state, entry);
    else if (!recover(state, server, entry, nowMs)) resetLost(state, server, entry, nowMs);
  }
}

function isWithServer(entryState: number): boolean {
  return entryState === L.STATE_FORWARD || entryState === L.STATE_REQUESTS;
}

function isGone(server: Server, nowMs: number): boolean {
  return !server.up && nowMs - server.downSinceMs >= GONE_MS;
}
