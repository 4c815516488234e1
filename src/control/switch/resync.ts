import * as L from '../../../assembly/layout.ts';
import type { Failed, Hello, Resync, ResyncEntry } from '../../channel/messages.ts';
import { LINE } from '../../channel/messages.ts';
import { distance, isAfter } from '../../packet/sequence.ts';
import { idKey } from '../../tuple.ts';
import { askEachAgain, loseRelease } from '../distributor/ask.ts';
import { askAnew } from '../distributor/await-server.ts';
import { giveUpHanding, handAgain, loseAnswer } from '../distributor/handoff.ts';
import { openFromRecord } from '../distributor/handshake.ts';
import { COOKIE_LIFE_MS, askClient, reset } from '../distributor/refuse.ts';
import type { Opening } from '../opening.ts';
import type { Server, SwitchState } from '../state.ts';
import { isAssigned, oweClose } from './close.ts';
import { recover } from './recovery.ts';
import { cameUp } from './slow-start.ts';
import { recallEntry, removeEntry } from './update.ts';

/** The agent can be reached: it tells its connections, then we tell ours. */
export function channelUp(state: SwitchState, server: Server, hello: Hello, nowMs: number): void {
  if (server.up) channelDown(state, server, nowMs);
  server.up = true;
  if (server.run !== hello.run) cameUp(state, server, nowMs);
  server.run = hello.run;
  server.upSinceMs = nowMs;
  server.bindings = hello.bindings;
  server.tellsCookies = hello.capabilities.includes('cookies');
  server.takesSyns = hello.capabilities.includes('by-syn');
  server.givesBack = hello.capabilities.includes('release');
  server.requests.clear();
  judgeLost(state, server, hello, nowMs);
  server.listed = new Set();
  server.listedBefore = (state.counter + 1) >>> 0;
  for (const { id, tuple } of state.owed.ofServer(server.index)) {
    state.send(server, { type: 'close', id, tuple });
  }
}

/** Its connections stay and are forwarded; nobody knows what became of the handoffs under way. */
export function channelDown(
  state: SwitchState,
  server: Server,
  nowMs: number,
  heardMs = nowMs,
): void {
  server.up = false;
  server.downSinceMs = nowMs;
  server.heardMs = heardMs;
  server.listed = null;
  for (const opening of handedTo(state, server)) loseAnswer(state, opening, server, nowMs);
  loseRelease(state, server, nowMs);
}

/** The openings that wait for this server's answer. */
function handedTo(state: SwitchState, server: Server): Opening[] {
  return [...state.pending.values()].filter(({ handing }) => handing?.server === server.index);
}

/**
 * An agent that has the memory that it had says what became of the handoffs that were under way when its
 * channel broke; another one may have forgotten requests that its server got.
 */
function judgeLost(state: SwitchState, server: Server, hello: Hello, nowMs: number): void {
  const line = hello.capabilities.find((capability) => capability.startsWith(LINE)) ?? '';
  const isSame = line !== '' && line === server.line;
  server.line = line;
  if (isSame) return;
  for (const opening of handedTo(state, server)) {
    if (opening.handing!.isLost) giveUpHanding(state, opening, 'channel lost', nowMs);
  }
}

/** A part of the agent's list. After the last one: what it lacks is gone, and it gets our list. */
export function resynced(state: SwitchState, server: Server, message: Resync, nowMs: number): void {
  if (!server.listed) return;
  for (const entry of message.entries) {
    server.listed.add(idKey(entry.id));
    if (!takeIn(state, server, entry, nowMs)) {
      oweClose(state, server, entry.id, entry.tuple, nowMs);
    }
  }
  if (!message.last) return;
  const { listed } = server;
  server.listed = null;
  server.known = true;
  for (const opening of handedTo(state, server)) {
    // the agent tells how a handoff ended before it lists the others
    if (!listed.has(idKey(opening.id))) handAgain(state, opening, nowMs);
  }
  server.requests.clear();
  askEachAgain(state, server);
  if (state.servers.every(({ known }) => known)) state.putOffs.clear();
  for (const entry of assignedTo(state, server)) {
    if (!isMissing(state, server, entry, listed)) continue;
    if (!recover(state, server, entry, nowMs)) resetLost(state, server, entry, nowMs);
  }
  sendList(state, server);
  askAnew(state, nowMs);
}

/** Whether the agent's connection may live: we have it, or its tuple is free and we take it. */
export function takeIn(
  state: SwitchState,
  server: Server,
  { id, tuple, clientIsn }: ResyncEntry,
  nowMs: number,
): boolean {
  const key = state.keyOf(tuple);
  if (state.owed.has(id) || state.putOffs.hasYounger(key, clientIsn)) return false;
  const { connections, core } = state;
  const found = state.find(key);
  if (found !== L.NO_ENTRY && !yields(state, found, clientIsn)) {
    const isSame = connections.hasId(found, id);
    const isWithIt = connections.record16(found, L.RECORD_SERVER) === server.index;
    return isSame && isWithIt && isAssigned(connections.state(found));
  }
  const binding = state.bindingOf(server, tuple.vip, tuple.vipPort);
  const service = state.serviceAt(tuple.vip, tuple.vipPort);
  if (!binding || !service) return false;
  const requests = server.requests.get(idKey(id));
  const agreed = requests?.agreed;
  const options =
    (agreed?.sack ? L.OPTION_SACK : 0) | (agreed?.timestamps ? L.OPTION_TIMESTAMPS : 0);
  connections
    .template()
    .record16(L.RECORD_CLIENT_MSS, agreed?.mss ?? 0)
    .record8(L.RECORD_CLIENT_SCALE, agreed?.clientScale ?? 0)
    .record8(L.RECORD_OPTIONS, options)
    .entry8(L.ENTRY_SWITCH_SCALE, agreed?.switchScale ?? 0)
    .state(service.eachRequest ? L.STATE_REQUESTS : L.STATE_FORWARD)
    .flags(service.eachRequest ? L.FLAG_REQUESTS : 0)
    .record32(L.RECORD_REQUESTS, agreed ? requests!.count : 0)
    .record32(L.RECORD_REQUEST_NEXT, requests?.next ?? 0)
    .key(key)
    .server(binding.handoff, binding.handoffPort)
    .id(id)
    .created(nowMs)
    .record32(L.RECORD_CLIENT_ISN, clientIsn)
    .record16(L.RECORD_SERVICE, service.row)
    .record16(L.RECORD_SERVER, server.index);
  const entry = core.insert(state.owner, L.CONTROL_TEMPLATE);
  if (!connections.isIndex(entry)) return false;
  state.dispatcher.adopt(server.index);
  state.figures.adopted += 1;
  return true;
}

/** The client repeated what a server has already, or before: our half-open entry goes. */
function yields(state: SwitchState, entry: number, clientIsn: number): boolean {
  const { connections, openings } = state;
  const opening = openings.get(entry);
  if (connections.state(entry) !== L.STATE_GATHERING || opening?.farewell) return false;
  if (isAfter(connections.record32(entry, L.RECORD_CLIENT_ISN), clientIsn)) return false;
  if (opening) state.forget(opening);
  return removeEntry(state, entry, connections.id(entry));
}

/** Entries that stand for a connection of this server. */
function assignedTo(state: SwitchState, server: Server): number[] {
  const { connections } = state;
  const entries: number[] = [];
  for (let entry = 0; entry < connections.entryCount; entry += 1) {
    if (!isAssigned(connections.state(entry))) continue;
    if (connections.record16(entry, L.RECORD_SERVER) !== server.index) continue;
    const opening = state.openings.get(entry);
    const isWithIt = !opening || opening.phase === 'handing' || opening.phase === 'following';
    if (isWithIt) entries.push(entry);
  }
  return entries;
}

/** Handoffs that began after the channel came up are younger than the list. */
function isMissing(
  state: SwitchState,
  server: Server,
  entry: number,
  listed: Set<string>,
): boolean {
  if ((state.openings.get(entry)?.phase ?? 'following') !== 'following') return false;
  const id = state.connections.id(entry);
  if (listed.has(idKey(id))) return false;
  // given by another switch of the group after the agent made its list
  const takenMs = state.connections.recordMs(entry, L.RECORD_CREATED);
  if (state.owners.areThere && takenMs >= server.upSinceMs) return false;
  return id.run !== state.run || distance(id.counter, server.listedBefore) < 0;
}

/** The server has lost it. Where the client is in the sequence space is not known here: it is asked. */
export function resetLost(state: SwitchState, server: Server, entry: number, nowMs: number): void {
  const { connections } = state;
  const id = connections.id(entry);
  if (connections.state(entry) === L.STATE_UNPROVEN) {
    state.dispatcher.release(server.index);
    return void removeEntry(state, entry, id);
  }
  const following = state.openings.get(entry);
  if (following) state.forget(following);
  const opening = openFromRecord(state, entry, connections.worker(entry), nowMs);
  state.figures.lost += 1;
  state.dispatcher.release(server.index);
  if (!opening || !recallEntry(state, entry, id, nowMs + COOKIE_LIFE_MS)) {
    removeEntry(state, entry, id);
    return;
  }
  reset(state, opening, 'lost', nowMs, COOKIE_LIFE_MS);
  askClient(state, opening, nowMs);
}

/**
 * A handoff of our former run failed after its connection was taken into the table. If the server has
 * not seen the request, the client may send it again.
 */
export function disown(
  state: SwitchState,
  server: Server,
  { id, delivered }: Failed,
  nowMs: number,
): void {
  if (id.run === state.run) return;
  const { connections, dispatcher } = state;
  const entry = assignedTo(state, server).find((each) => connections.hasId(each, id));
  if (entry === undefined) return;
  if (delivered === 'maybe') return resetLost(state, server, entry, nowMs);
  dispatcher.release(server.index);
  removeEntry(state, entry, id);
}

function sendList(state: SwitchState, server: Server): void {
  const { connections } = state;
  const entries: ResyncEntry[] = assignedTo(state, server).map((entry) => ({
    id: connections.id(entry),
    tuple: state.tupleOf(entry),
    clientIsn: connections.record32(entry, L.RECORD_CLIENT_ISN),
  }));
  state.send(server, { type: 'resync', entries, last: true });
}
