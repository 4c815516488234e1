import * as C from '../../../assembly/calls.ts';
import * as L from '../../../assembly/layout.ts';
import type { Binding, HandoffId } from '../../channel/messages.ts';
import { advance } from '../../packet/sequence.ts';
import type { Opening } from '../opening.ts';
import type { Server, SwitchState } from '../state.ts';

/** Held packets that are not all sent by then are given up. */
const DRAIN_MS = 5000;

/**
 * A handoff begins: the entry is HELD under the new id, its record says what is known of the
 * client. False: the entry is another connection's by now.
 */
export function holdEntry(
  state: SwitchState,
  opening: Opening,
  id: HandoffId,
  server: Server,
  deadlineMs: number,
): boolean {
  const { client, gather } = opening;
  state.connections
    .templateOf(opening.entry)
    .state(L.STATE_HELD)
    .id(id)
    .deadline(deadlineMs)
    .record16(L.RECORD_SERVER, server.index)
    .record32(L.RECORD_CLIENT_NEXT, gather.next)
    .record32(L.RECORD_CLIENT_ACK, advance(opening.switchIsn, 1))
    .record32(L.RECORD_TIMESTAMP_RECENT, client.timestampRecent)
    .record32(L.RECORD_TIMESTAMP_SWITCH, client.timestampSwitch)
    .record16(L.RECORD_CLIENT_WINDOW, client.window)
    .record32(L.RECORD_TARGET, opening.handing?.targetHash ?? 0);
  const what = C.UPDATE_STATE | C.UPDATE_ID | C.UPDATE_RECORD | C.UPDATE_DEADLINE;
  return state.update(opening.entry, opening.id, what);
}

/**
 * The server has the connection: its packets go there, the held ones first. `proven`: the client is
 * known by more than its SYN. `next`: where the next request begins, null if none is dispatched.
 */
export function drainEntry(
  state: SwitchState,
  entry: number,
  id: HandoffId,
  binding: Binding,
  { proven, next }: { proven: boolean; next: number | null },
  nowMs: number,
): boolean {
  const template = state.connections
    .templateOf(entry)
    .state(L.STATE_DRAINING)
    .server(binding.handoff, binding.handoffPort)
    .flags(next === null ? L.FLAG_UNPROVEN : L.FLAG_REQUESTS)
    .deadline(nowMs + DRAIN_MS);
  let what = C.UPDATE_STATE | C.UPDATE_SERVER | C.UPDATE_DEADLINE;
  if (next !== null) {
    template
      .record32(L.RECORD_REQUEST_NEXT, next)
      .record32(L.RECORD_REQUESTS, 1)
      .record32(L.RECORD_RESPONSES, 0);
    what |= C.UPDATE_FLAGS_SET | C.UPDATE_REQUESTS | C.UPDATE_RESPONSES;
  } else if (proven) what |= C.UPDATE_FLAGS_CLEAR;
  return state.update(entry, id, what);
}

/** The connection is over; what is late is still forwarded, if the entry has a server. */
export function closeEntry(
  state: SwitchState,
  entry: number,
  id: HandoffId,
  deadlineMs: number,
): boolean {
  state.connections.template().state(L.STATE_CLOSED).deadline(deadlineMs);
  return state.update(entry, id, C.UPDATE_STATE | C.UPDATE_DEADLINE);
}

/** As closeEntry, and nothing is forwarded any more. */
export function silenceEntry(
  state: SwitchState,
  entry: number,
  id: HandoffId,
  deadlineMs: number,
): boolean {
  const six = (state.connections.flags(entry) & L.FLAG_IPV6) !== 0;
  state.connections
    .templateOf(entry)
    .state(L.STATE_CLOSED)
    .server(new Uint8Array(six ? 16 : 4), 0)
    .deadline(deadlineMs);
  return state.update(entry, id, C.UPDATE_STATE | C.UPDATE_SERVER | C.UPDATE_DEADLINE);
}

/** Packets of the entry come to control again, which resets the client. */
export function recallEntry(
  state: SwitchState,
  entry: number,
  id: HandoffId,
  deadlineMs: number,
): boolean {
  state.connections.template().state(L.STATE_HELD).deadline(deadlineMs);
  return state.update(entry, id, C.UPDATE_STATE | C.UPDATE_DEADLINE);
}

/** The opening's connection goes on under another id. */
export function renameEntry(state: SwitchState, opening: Opening, id: HandoffId): boolean {
  const { entry } = opening;
  state.connections.templateOf(entry).id(id);
  if (!state.update(entry, opening.id, C.UPDATE_ID)) return false;
  // packets that were queued under ids of another run are not known again
  if (opening.id.run !== id.run) state.firstCounter[entry] = id.counter;
  opening.id = id;
  return true;
}

export function removeEntry(state: SwitchState, entry: number, id: HandoffId): boolean {
  return state.core.remove(state.owner, entry, id.run, id.counter) === 1;
}
