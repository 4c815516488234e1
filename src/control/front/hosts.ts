// What the hosts behind a switch in front tell it: where connections are, and that they are over.
import * as C from '../../../assembly/calls.ts';
import * as L from '../../../assembly/layout.ts';
import type { Close, Hello, Resync, ResyncEntry, Update } from '../../channel/messages.ts';
import { isAfter } from '../../packet/sequence.ts';
import { idKey } from '../../tuple.ts';
import type { Server, SwitchState } from '../state.ts';
import { isAssigned } from '../switch/close.ts';
import { closeEntry, removeEntry } from '../switch/update.ts';

/** The host can be reached: its agent lists what it has, its distributor says where new ones go. */
export function hostUp(server: Server, hello: Hello, listsAnew: Set<Server>): void {
  if (server.run !== 0 && server.run !== hello.run) listsAnew.add(server);
  server.run = hello.run;
  server.up = true;
  server.bindings = hello.bindings;
  server.arrivals = [];
  server.listed = new Set();
}

/** Its connections stay and are forwarded; nothing new goes there. */
export function hostDown(server: Server): void {
  server.up = false;
  server.arrivals = [];
  server.listed = null;
}

/** Where a connection is, by whoever tells: the giver, or the agent that has it. */
type Place = Pick<Update, 'id' | 'tuple' | 'clientIsn' | 'handoff' | 'handoffPort'>;

/** A connection went on to another host. */
export function updated(state: SwitchState, from: Server, update: Update, nowMs: number): void {
  state.send(from, { type: 'confirm', ids: [update.id], of: 'update' });
  state.figures.updatesSeen += 1;
  const server = state.serverNamed(update.server) ?? from;
  if (place(state, server, update, nowMs)) state.figures.updated += 1;
}

/** Makes the table say where the connection is. False: it is over, or a younger one has its tuple. */
function place(state: SwitchState, server: Server, to: Place, nowMs: number): boolean {
  const { connections } = state;
  const entry = state.find(state.keyOf(to.tuple));
  if (entry === L.NO_ENTRY) return insert(state, server, to, nowMs);
  const id = connections.id(entry);
  const isn = connections.record32(entry, L.RECORD_CLIENT_ISN);
  const isClosed = connections.state(entry) === L.STATE_CLOSED;
  const isYounger = to.clientIsn !== isn && isAfter(to.clientIsn, isn);
  if (to.clientIsn !== isn && !isYounger) return false;
  if (isYounger && isClosed) {
    return removeEntry(state, entry, id) && insert(state, server, to, nowMs);
  }
  const former = connections.record16(entry, L.RECORD_SERVER);
  const template = connections.templateOf(entry).server(to.handoff, to.handoffPort);
  // only what is late goes there
  if (isClosed) return state.update(entry, id, C.UPDATE_SERVER) && false;
  template
    .state(L.STATE_FORWARD)
    .id(to.id)
    .record32(L.RECORD_CLIENT_ISN, to.clientIsn)
    .record16(L.RECORD_SERVER, server.index);
  const counted = isAssigned(connections.state(entry));
  const what = C.UPDATE_STATE | C.UPDATE_SERVER | C.UPDATE_ID | C.UPDATE_RECORD;
  if (!state.update(entry, id, what)) return false;
  if (counted) state.dispatcher.release(former);
  state.dispatcher.adopt(server.index);
  return true;
}

function insert(state: SwitchState, server: Server, to: Place, nowMs: number): boolean {
  const { connections, core } = state;
  const service = state.serviceAt(to.tuple.vip, to.tuple.vipPort);
  if (!service) return false;
  connections
    .template()
    .state(L.STATE_FORWARD)
    .key(state.keyOf(to.tuple))
    .server(to.handoff, to.handoffPort)
    .entry32(L.ENTRY_LAST_SEEN, Math.floor(nowMs / 1000))
    .id(to.id)
    .created(nowMs)
    .record32(L.RECORD_CLIENT_ISN, to.clientIsn)
    .record16(L.RECORD_SERVICE, service.row)
    .record16(L.RECORD_SERVER, server.index);
  if (!connections.isIndex(core.insert(state.owner, L.CONTROL_TEMPLATE))) return false;
  state.dispatcher.adopt(server.index);
  return true;
}

/** The host that had the connection says that it is over: its entry lingers for what is late. */
export function ended(state: SwitchState, from: Server, message: Close, nowMs: number): void {
  const { id, tuple, clientIsn } = message;
  state.send(from, { type: 'confirm', ids: [id], of: 'close' });
  if (clientIsn === undefined) return;
  const { connections } = state;
  const entry = state.find(state.keyOf(tuple));
  if (entry === L.NO_ENTRY) return;
  const isn = connections.record32(entry, L.RECORD_CLIENT_ISN);
  // a client may have begun anew behind the same entry, but what is older is known to be over
  if (clientIsn !== isn && !isAfter(clientIsn, isn)) return;
  end(state, entry, nowMs + state.timing.lingerMs);
}

function end(state: SwitchState, entry: number, deadlineMs: number): void {
  const { connections } = state;
  if (!isAssigned(connections.state(entry))) return;
  const server = connections.record16(entry, L.RECORD_SERVER);
  if (!closeEntry(state, entry, connections.id(entry), deadlineMs)) return;
  state.dispatcher.release(server);
  state.figures.closed += 1;
}

/**
 * A part of the list of all connections that the host's agent has. After the last one, if the program there
 * was started anew: what it lacks is gone.
 */
export function listed(
  state: SwitchState,
  server: Server,
  { entries, last }: Resync,
  listsAnew: Set<Server>,
  nowMs: number,
): void {
  if (!server.listed) return;
  for (const entry of entries) take(state, server, entry, nowMs);
  if (!last) return;
  const names = server.listed;
  server.listed = null;
  server.known = true;
  if (listsAnew.delete(server)) endOthers(state, server, names, nowMs);
}

function take(state: SwitchState, server: Server, entry: ResyncEntry, nowMs: number): void {
  server.listed!.add(idKey(entry.id));
  const binding = state.bindingOf(server, entry.tuple.vip, entry.tuple.vipPort);
  if (!binding) return;
  const { handoff, handoffPort } = binding;
  if (place(state, server, { ...entry, handoff, handoffPort }, nowMs)) state.figures.adopted += 1;
}

function endOthers(state: SwitchState, server: Server, names: Set<string>, nowMs: number): void {
  const { connections } = state;
  for (let entry = 0; entry < connections.entryCount; entry += 1) {
    if (!isAssigned(connections.state(entry))) continue;
    if (connections.record16(entry, L.RECORD_SERVER) !== server.index) continue;
    if (names.has(idKey(connections.id(entry)))) continue;
    state.figures.lost += 1;
    end(state, entry, nowMs + state.timing.lingerMs);
  }
}
