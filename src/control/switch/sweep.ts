import * as C from '../../../assembly/calls.ts';
import * as L from '../../../assembly/layout.ts';
import { SWEEP_ENTRIES, TableWalk } from '../../table-walk.ts';
import { openFromRecord } from '../distributor/handshake.ts';
import { COOKIE_LIFE_MS, reset, sendReset } from '../distributor/refuse.ts';
import { beginUnread } from '../distributor/unread.ts';
import { dispatchEntry } from '../front/dispatch.ts';
import type { SwitchState } from '../state.ts';
import { endEntry, forgetEntry } from './close.ts';
import { hasOrphans, resetOrphans } from './orphans.ts';
import { removeEntry } from './update.ts';

export const SWEEP_INTERVAL_MS = 100;
/** The whole table is looked at once in so many ticks. */
const TICKS = 50;
/** A client that is there has answered its SYN-ACK by then. */
const UNPROVEN_MS = 1000;
/** A round, and a second for ticks that come late. */
const ROUND_MS = SWEEP_INTERVAL_MS * TICKS + 1000;

/**
 * For a connection that says nothing only the sweep looks at the clock, a round late at the most: its
 * deadline stands so much earlier that it is over in time.
 */
export function unusedTimeoutMs(gatherTimeoutMs: number): number {
  return Math.max(gatherTimeoutMs - ROUND_MS, gatherTimeoutMs / 2);
}

/** Looks for connections whose time is over, a part of the table at each tick. */
export class Sweep {
  private readonly walk: TableWalk;
  private nextTickMs = -Infinity;

  constructor(entryCount: number) {
    this.walk = new TableWalk(entryCount, SWEEP_ENTRIES);
  }

  /** When the next part is due. */
  get nextMs(): number {
    return this.nextTickMs;
  }

  time(state: SwitchState, nowMs: number): void {
    if (nowMs < this.nextTickMs) return;
    this.nextTickMs = nowMs + SWEEP_INTERVAL_MS;
    state.unproven.time(state, nowMs);
    // behind a switch in front it is that one which knows what is nobody's
    if (!state.config.switch?.addresses) state.strays.time(nowMs);
    makeRoom(state, nowMs);
    const part = Math.ceil(state.connections.entryCount / TICKS);
    for (const { from, count } of this.walk.part(part)) look(state, from, count, nowMs);
  }
}

function look(state: SwitchState, from: number, count: number, nowMs: number): void {
  const { core, owner, connections, timing } = state;
  const list = L.CONTROL_LIST;
  const limit = L.CONTROL_LIST_LIMIT;
  const found = core.sweep(owner, from, count, nowMs, timing.idleTimeoutMs, list, limit);
  for (const entry of connections.list(found)) overdue(state, entry, nowMs);
  if (hasOrphans(state, nowMs)) resetOrphans(state, from, count, nowMs);
}

/** When the table is nearly full, what only a SYN has made goes first. */
function makeRoom(state: SwitchState, nowMs: number): void {
  const { reserve, unproven, timing } = state;
  while (reserve.isShort() && unproven.evict(state, nowMs, UNPROVEN_MS));
  reserve.time(nowMs, timing.lingerMs);
}

/** An entry whose deadline has passed, or one in FORWARD that was idle for too long. */
function overdue(state: SwitchState, entry: number, nowMs: number): void {
  // those have deadlines of their own
  if (state.openings.has(entry)) return;
  const { connections } = state;
  const entryState = connections.state(entry);
  if (entryState === L.STATE_GATHERING) expireUnused(state, entry, nowMs);
  else if (entryState === L.STATE_HELD) expireHeld(state, entry, nowMs);
  else if (entryState === L.STATE_DRAINING) forceForward(state, entry);
  else if (entryState === L.STATE_UNPROVEN) endEntry(state, entry, nowMs);
  else if (entryState === L.STATE_REQUESTS) expireIdle(state, entry, nowMs);
  else if (entryState === L.STATE_FORWARD) expireIdle(state, entry, nowMs);
  else if (entryState === L.STATE_PASSED) expirePassed(state, entry, nowMs);
  else if (entryState === L.STATE_CLOSED) removeEntry(state, entry, connections.id(entry));
}

/** A handshake that was never followed by a request, or needs none. */
function expireUnused(state: SwitchState, entry: number, nowMs: number): void {
  const worker = state.connections.worker(entry);
  const opening = openFromRecord(state, entry, worker, nowMs);
  if (opening?.service.protocol === 'tcp') {
    if (state.isLearning(nowMs)) return;
    if (state.config.inFront) dispatchEntry(state, entry);
    else beginUnread(state, opening, nowMs);
    return;
  }
  state.fronts.ended(state, entry, nowMs);
  const id = state.connections.id(entry);
  // its request may have come to another switch
  if (state.owners.areThere) return void removeEntry(state, entry, id);
  if (!removeEntry(state, entry, id) || !opening) return;
  state.figures.gatherExpired += 1;
  sendReset(state, opening, (opening.switchIsn + 1) >>> 0);
}

/** Held by an earlier run of control, or by nobody. */
function expireHeld(state: SwitchState, entry: number, nowMs: number): void {
  const opening = openFromRecord(state, entry, state.connections.worker(entry), nowMs);
  if (opening) reset(state, opening, 'maybe', nowMs, COOKIE_LIFE_MS);
  else removeEntry(state, entry, state.connections.id(entry));
}

/** Packets of its past that were lost on their way out must not hold up those of its future. */
function forceForward(state: SwitchState, entry: number): void {
  const { connections, core, owner } = state;
  const { run, counter } = connections.id(entry);
  const held = connections.record32(entry, L.RECORD_HELD_COUNT);
  const left = (held - connections.record32(entry, L.RECORD_SENT_COUNT)) >>> 0;
  state.figures.drainForced += 1;
  core.held(owner, entry, run, counter, left);
}

/** Nobody sees its packets here: its agent tells when it is over, as long as there is one. */
function expirePassed(state: SwitchState, entry: number, nowMs: number): void {
  const { connections } = state;
  const server = state.serverOf(entry);
  if (!server?.up) return expireIdle(state, entry, nowMs);
  connections.template().deadline(nowMs + state.timing.idleTimeoutMs);
  state.update(entry, connections.id(entry), C.UPDATE_DEADLINE);
}

function expireIdle(state: SwitchState, entry: number, nowMs: number): void {
  // its packets may come to another switch: its agent knows whether it is idle
  if (state.owners.areThere) return forgetEntry(state, entry);
  state.fronts.ended(state, entry, nowMs);
  if (endEntry(state, entry, nowMs)) state.figures.idleExpired += 1;
}
