// How a role ends what it has begun before it ends itself.
import { setTimeout as delay } from 'node:timers/promises';
import * as L from '../../assembly/layout.ts';
import { monotonicMs } from '../clock.ts';
import type { Connections } from '../connections.ts';

const POLL_MS = 10;
/** Counting a table of a million takes some milliseconds: no more than a small share of the time. */
const COUNT_POLL_MS = 200;
/** Whoever sent nothing for so long, and got nothing, is between two requests. */
const QUIET_SECONDS = 2;

/** Waits until nothing is under way, at most until `untilMs` (monotonic); returns how much still is. */
export async function whenNoneIsLeft(count: () => number, untilMs: number): Promise<number> {
  for (;;) {
    const beganMs = monotonicMs();
    const left = count();
    const nowMs = monotonicMs();
    if (left === 0 || nowMs >= untilMs) return left;
    const pauseMs = nowMs - beganMs > 1 ? COUNT_POLL_MS : POLL_MS;
    await delay(Math.min(pauseMs, untilMs - nowMs));
  }
}

/** Handed-off connections in which something happened within the last two seconds. */
export function countActive(connections: Connections, nowMs: number): number {
  const quietBefore = Math.floor(nowMs / 1000) - QUIET_SECONDS;
  let count = 0;
  for (let entry = 0; entry < connections.entryCount; entry += 1) {
    const state = connections.state(entry);
    if (state !== L.STATE_FORWARD && state !== L.STATE_DRAINING) continue;
    if (connections.entry32(entry, L.ENTRY_LAST_SEEN) >= quietBefore) count += 1;
  }
  return count;
}
