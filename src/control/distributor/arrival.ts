import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import type { PacketEvent } from '../../event.ts';
import { isIcmp, readPacket } from '../../packet/read.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { advance, distance, isAfter } from '../../packet/sequence.ts';
import { sameAddress } from '../../tuple.ts';
import type { Opening } from '../opening.ts';
import type { Service } from '../service.ts';
import type { SwitchState } from '../state.ts';
import { removeEntry } from '../switch/update.ts';
import { follow, isFollowed } from './follow.ts';
import { handingSegment } from './handing-segment.ts';
import { takeBack } from './handoff.ts';
import { openFromRecord } from './handshake.ts';
import { giveUp, holdWhole, isCounted, isIntact, passOn } from './held.ts';
import { COOKIE_LIFE_MS, farewellSegment, reset } from './refuse.ts';
import { insertEntry, isPast, keyOf } from './insert.ts';
import { gatherSegment } from './request.ts';
import { openUnread } from './unread.ts';

/** A packet that a worker passed to control. */
export function packetArrived(state: SwitchState, event: PacketEvent, nowMs: number): void {
  if (isIcmp(event.packet)) return errorArrived(state, event);
  const packet = readPacket(event.packet);
  if (!packet) {
    state.figures.malformed += 1;
    return;
  }
  const entry = locate(state, event, packet, nowMs);
  if (entry === L.NO_ENTRY) {
    state.figures.stale += 1;
    return;
  }
  const opening = openingAt(state, entry, nowMs);
  if (opening?.phase === 'handing') return whileHanding(state, opening, packet, event, nowMs);
  const entryState = state.connections.state(entry);
  const hasServer = !opening || opening.phase === 'following';
  if (hasServer && isHandedOff(entryState)) return forwardLate(state, entry, event, nowMs);
  const isEarly = !opening && state.isLearning(nowMs) && !isOfThisRun(state, packet, nowMs);
  if (isEarly) return putOff(state, entry);
  // ends here, whatever it says; an entry may be HELD before its head is read (insertEntry)
  if (isCounted(event)) giveUp(state, entry);
  if (!isIntact(state, event)) return;
  if (isOfYounger(state, entry, packet)) return giveWay(state, entry, opening);
  if (opening?.farewell) return farewellSegment(state, opening, packet, nowMs);
  if (opening) return gatherSegment(state, opening, packet, nowMs);
  const opened = openFromRecord(state, entry, event.worker, nowMs);
  if (!opened) return;
  if (entryState !== L.STATE_GATHERING && event.queue !== L.QUEUE_OPEN) {
    // HELD by an earlier run of control: nobody knows what became of the handoff
    reset(state, opened, 'maybe', nowMs, COOKIE_LIFE_MS);
  } else if (opened.service.protocol === 'tcp') {
    openUnread(state, opened, packet, event, nowMs);
  } else {
    gatherSegment(state, opened, packet, nowMs);
  }
}

/**
 * The packet proves a younger handshake of the same ports: the client has forgotten the connection whose
 * request it has not sent. An older one it does not: copies may come late.
 */
function isOfYounger(state: SwitchState, entry: number, packet: TcpPacket): boolean {
  const { connections, core } = state;
  if (connections.state(entry) !== L.STATE_GATHERING) return false;
  if ((packet.flags & (TCP_ACK | TCP_SYN | TCP_RST)) !== TCP_ACK) return false;
  const isn = advance(packet.sequence, -1);
  const switchIsn = advance(packet.acknowledgment, -1);
  if (switchIsn === connections.record32(entry, L.RECORD_SWITCH_ISN)) return false;
  if (!isAfter(isn, connections.record32(entry, L.RECORD_CLIENT_ISN))) return false;
  const { vip = packet.destination } =
    state.serviceAtArrival(packet.destination, packet.destinationPort) ?? {};
  connections.writeTuple({ ...keyOf(packet), local: vip });
  return core.cookieCheck(L.CONTROL_TUPLE, isn, switchIsn) !== 0;
}

/** The client's next packet makes the entry of its new connection. */
function giveWay(state: SwitchState, entry: number, opening: Opening | undefined): void {
  state.figures.abandoned += 1;
  if (opening) state.forget(opening);
  removeEntry(state, entry, state.connections.id(entry));
}

/**
 * The client echoes our clock (RFC 7323 section 3) as it was after the start: it has shaken hands with this
 * run, so that none before it can have given the connection to a server.
 */
function isOfThisRun(state: SwitchState, { options }: TcpPacket, nowMs: number): boolean {
  const { timestamps } = options;
  if (!timestamps) return false;
  return isAfter(timestamps.echo, state.startedMs) && !isAfter(timestamps.echo, nowMs);
}

/**
 * The client repeats it; until then its tuple is free for an agent that has the connection. The last ACK
 * of a handshake is not repeated: what is dispatched by it waits for the sweep.
 */
function putOff(state: SwitchState, entry: number): void {
  const { connections } = state;
  state.figures.early += 1;
  const isUnread = serviceOf(state, entry)?.protocol === 'tcp';
  if (isUnread && connections.state(entry) === L.STATE_GATHERING) return;
  state.putOffs.add(connections.key(entry), connections.record32(entry, L.RECORD_CLIENT_ISN));
  removeEntry(state, entry, connections.id(entry));
}

function serviceOf(state: SwitchState, entry: number): Service | undefined {
  const { connections } = state;
  return state.serviceAtArrival(connections.local(entry), connections.localPort(entry));
}

function whileHanding(
  state: SwitchState,
  opening: Opening,
  packet: TcpPacket,
  event: PacketEvent,
  nowMs: number,
): void {
  const isReset = (packet.flags & TCP_RST) !== 0;
  if (isReset && !isIntact(state, event)) {
    if (isCounted(event)) giveUp(state, opening.entry);
    return;
  }
  handingSegment(state, opening, packet, event, nowMs);
}

/** The entry that the packet belongs to; a new one if there is none for a client that is proven. */
function locate(state: SwitchState, event: PacketEvent, packet: TcpPacket, nowMs: number): number {
  const { connections } = state;
  if (connections.isIndex(event.entry)) {
    return isKeyOf(state, event.entry, packet) ? event.entry : L.NO_ENTRY;
  }
  if (event.queue !== L.QUEUE_OPEN) return L.NO_ENTRY;
  const key = keyOf(packet);
  const found = state.find(key);
  if (found === L.NO_ENTRY) return insertEntry(state, event, packet, key, nowMs);
  if (!isPast(state, found, packet)) return found;
  removeEntry(state, found, connections.id(found));
  return insertEntry(state, event, packet, key, nowMs);
}

function isKeyOf(state: SwitchState, entry: number, packet: TcpPacket): boolean {
  const { connections } = state;
  if (connections.state(entry) < L.STATE_GATHERING) return false;
  return (
    connections.clientPort(entry) === packet.sourcePort &&
    connections.localPort(entry) === packet.destinationPort &&
    sameAddress(connections.client(entry), packet.source) &&
    sameAddress(connections.local(entry), packet.destination)
  );
}

/** The object of the entry's connection, if it has one and is still the same connection. */
function openingAt(state: SwitchState, entry: number, nowMs: number): Opening | undefined {
  const opening = state.openings.get(entry);
  if (!opening) return undefined;
  const { connections } = state;
  const isSame =
    connections.hasId(entry, opening.id) &&
    connections.record32(entry, L.RECORD_CLIENT_ISN) === opening.entryIsn;
  if (isSame) return opening;
  // a worker died with the bucket locked, and the bucket was emptied
  if (opening.phase === 'handing') takeBack(state, opening, nowMs);
  state.forget(opening);
  return undefined;
}

function isHandedOff(entryState: number): boolean {
  return (
    entryState === L.STATE_DRAINING ||
    entryState === L.STATE_FORWARD ||
    entryState === L.STATE_PASSED ||
    entryState === L.STATE_REQUESTS ||
    entryState === L.STATE_UNPROVEN ||
    entryState === L.STATE_CLOSED
  );
}

/** Queued before the server had the connection, or while held packets leave: goes after them. */
function forwardLate(state: SwitchState, entry: number, event: PacketEvent, nowMs: number): void {
  const counted = isCounted(event);
  const { connections } = state;
  if (counted && !isOfThisConnection(state, entry, event)) {
    state.figures.stale += 1;
  } else if (connections.serverPort(entry) !== 0) {
    const held = { packet: event.packet, vnet: event.vnet, counted };
    const isClosed = connections.state(entry) === L.STATE_CLOSED;
    if (isFollowed(state, entry) && !isClosed) follow(state, entry, held, nowMs);
    else passOn(state, entry, held);
  } else if (counted) {
    giveUp(state, entry);
  }
}

/**
 * An ICMP error about a packet of the server, which may answer before its `ready` is here. The core has
 * found the entry; it looks again, and translates, when the error is sent on.
 */
function errorArrived(state: SwitchState, event: PacketEvent): void {
  const { entry } = event;
  const { connections } = state;
  if (!connections.isIndex(entry) || !isOfThisConnection(state, entry, event)) {
    state.figures.stale += 1;
    return;
  }
  const opening = state.openings.get(entry);
  if (opening?.phase === 'handing') holdWhole(state, opening, event);
  else if (isHandedOff(connections.state(entry))) {
    passOn(state, entry, { packet: event.packet, vnet: event.vnet, counted: isCounted(event) });
  } else giveUp(state, entry);
}

/** Queued under the entry's id or that of an earlier try of the same connection. */
function isOfThisConnection(state: SwitchState, entry: number, event: PacketEvent): boolean {
  const { run, counter } = state.connections.id(entry);
  if (event.idRun !== run) return false;
  if (event.idCounter === counter) return true;
  if (run !== state.run) return false;
  const first = state.firstCounter[entry]!;
  return distance(event.idCounter, first) >= 0 && distance(counter, event.idCounter) >= 0;
}
