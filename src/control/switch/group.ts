// A switch that shares the packets of its VIPs with others of its group: what is not its own goes to its
// owner, and nobody hands over what another one may have given (docs/protocol.md, section 8).
import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import type { Asked, Found, Pass } from '../../channel/group-messages.ts';
import type { Message, Tuple } from '../../channel/messages.ts';
import type { PacketEvent } from '../../event.ts';
import { isIcmp, readPacket } from '../../packet/read.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { advance, isAfter } from '../../packet/sequence.ts';
import { NO_SERVER } from '../dispatcher/policy.ts';
import { packetArrived } from '../distributor/arrival.ts';
import { askedAnew, dropHanding } from '../distributor/await-others.ts';
import { passOn } from '../distributor/held.ts';
import { keyOf } from '../distributor/insert.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { endEntry, isAssigned } from './close.ts';
import type { Question } from './questions.ts';
import { questionKey } from './questions.ts';
import { takeIn } from './resync.ts';
import { removeEntry } from './update.ts';

const NO_ID = { run: 0, counter: 0 };

/** True: the packet has gone to its owner, or waits for what others answer. */
export function isOthers(state: SwitchState, event: PacketEvent, nowMs: number): boolean {
  if (!state.owners.areThere || isIcmp(event.packet)) return false;
  const packet = readPacket(event.packet);
  if (!packet) return false;
  const { connections } = state;
  const hasEntry = connections.isIndex(event.entry);
  if (hasEntry) {
    if (state.openings.has(event.entry)) return false;
    if (connections.state(event.entry) !== L.STATE_GATHERING) return false;
  }
  const tuple = tupleOf(state, packet);
  const owner = state.owners.ownerOf(tuple);
  if (owner === null) {
    const isFirst = !hasEntry || isFirstSegment(state, event.entry, packet);
    if (!isFirst) stray(state, event, nowMs);
    return !isFirst;
  }
  if (hasEntry) removeEntry(state, event.entry, connections.id(event.entry));
  passTo(state, owner, event);
  return true;
}

/** Nothing of the connection can have been answered by a server before it. */
function isFirstSegment({ connections }: SwitchState, entry: number, packet: TcpPacket): boolean {
  const first = advance(connections.record32(entry, L.RECORD_CLIENT_ISN), 1);
  const answered = advance(connections.record32(entry, L.RECORD_SWITCH_ISN), 1);
  return packet.sequence === first && !isAfter(packet.acknowledgment, answered);
}

function tupleOf(state: SwitchState, packet: TcpPacket): Tuple {
  const { source: client, sourcePort: clientPort, destination, destinationPort } = packet;
  const vip = state.serviceAtArrival(destination, destinationPort)?.vip ?? destination;
  return { client, clientPort, vip, vipPort: destinationPort };
}

function passTo(state: SwitchState, name: string, { packet, vnet }: PacketEvent): void {
  state.sendTo(name, { type: 'pass', packet, vnet });
}

/** A packet in mid-connection that this switch has no entry for. */
export function stray(state: SwitchState, event: PacketEvent, nowMs: number): void {
  const packet = readPacket(event.packet);
  if (!packet) return;
  if (!state.owners.areThere) return state.strays.packet(state, event, nowMs);
  const tuple = tupleOf(state, packet);
  const owner = state.owners.ownerOf(tuple);
  if (owner !== null) return passTo(state, owner, event);
  const asked = { tuple, clientIsn: null };
  if (state.questions.isUnknown(questionKey(asked), nowMs)) {
    return state.strays.packet(state, event, nowMs);
  }
  const question = state.questions.ask(state, asked, null, nowMs);
  if (question) state.questions.hold(question, event);
}

/** The one with the smaller name has dialed; the other one answers its hello. */
export function peerUp(state: SwitchState, name: string, nowMs: number): void {
  state.owners.changed(name, true, nowMs);
  if (name < state.hostName) state.sendTo(name, state.hello());
}

/** What another switch of the group says. */
export function peerMessage(
  state: SwitchState,
  from: string,
  message: Message,
  nowMs: number,
): void {
  if (message.type === 'query') {
    for (const asked of message.asked) forgetOlder(state, asked, nowMs);
    const found = message.asked.map((asked) => answer(state, asked, from));
    state.sendTo(from, { type: 'answer', found });
  } else if (message.type === 'answer') answered(state, from, message.found, nowMs);
  else if (message.type === 'pass') passed(state, from, message, nowMs);
}

/** A packet of this switch's tuples that came to another one. */
function passed(state: SwitchState, from: string, { packet, vnet }: Pass, nowMs: number): void {
  const segment = readPacket(packet);
  if (!segment) return;
  const service = state.serviceAtArrival(segment.destination, segment.destinationPort);
  if (!service) return;
  const found = state.find(keyOf(segment));
  const entry = isForgotten(state, found, segment, nowMs) ? L.NO_ENTRY : found;
  const id = { idRun: 0, idCounter: 0 };
  const event = { kind: 'packet', worker: 0, packet, vnet, options: 0, ...id } as const;
  if (entry === L.NO_ENTRY) {
    const options = provenOptions(state, segment);
    const isOwn = state.owners.ownerOf(tupleOf(state, segment)) === null;
    const brings =
      service.protocol === 'tcp' || segment.payload.length > 0 || (segment.flags & TCP_FIN) !== 0;
    const open = { ...event, queue: L.QUEUE_OPEN, entry, options };
    if (options === 0 && isOwn) stray(state, { ...open, queue: L.QUEUE_STRAY }, nowMs);
    else if (options !== 0 && brings) packetArrived(state, open, nowMs);
    return;
  }
  const { connections } = state;
  if (connections.state(entry) !== L.STATE_FORWARD) {
    return packetArrived(state, { ...event, queue: L.QUEUE_PACKET, entry }, nowMs);
  }
  passOn(state, entry, { packet, vnet, counted: false });
  const asked = { tuple: state.tupleOf(entry), clientIsn: null };
  state.sendTo(from, { type: 'answer', found: [answer(state, asked, from)] });
}

/**
 * Whether the entry was that of a connection its client has forgotten: the packet proves a younger handshake
 * of the same ports, whose SYN came to a switch without the entry. It is gone then, and its server is told.
 */
function isForgotten(state: SwitchState, entry: number, packet: TcpPacket, nowMs: number): boolean {
  if (entry === L.NO_ENTRY || state.openings.has(entry)) return false;
  const isn = state.connections.record32(entry, L.RECORD_CLIENT_ISN);
  if (!isAfter(advance(packet.sequence, -1), isn) || provenOptions(state, packet) === 0)
    return false;
  return endForgotten(state, entry, nowMs);
}

/** The owner has proof of that handshake: its packets must not go to an older connection of its ports. */
function forgetOlder(state: SwitchState, { tuple, clientIsn }: Asked, nowMs: number): void {
  const entry = clientIsn === null ? L.NO_ENTRY : state.find(state.keyOf(tuple));
  if (entry === L.NO_ENTRY || state.openings.has(entry)) return;
  const isn = state.connections.record32(entry, L.RECORD_CLIENT_ISN);
  if (isAfter(clientIsn!, isn)) endForgotten(state, entry, nowMs);
}

/** False: it stands for nothing that a server has or had. */
function endForgotten(state: SwitchState, entry: number, nowMs: number): boolean {
  const { connections } = state;
  const entryState = connections.state(entry);
  if (entryState === L.STATE_CLOSED) return removeEntry(state, entry, connections.id(entry));
  return entryState === L.STATE_FORWARD && endEntry(state, entry, nowMs);
}

/** What the cookie says that a client's ACK brings back, as RING_OPTIONS; 0 = it is none of ours. */
function provenOptions(state: SwitchState, packet: TcpPacket): number {
  if ((packet.flags & (TCP_ACK | TCP_SYN | TCP_RST)) !== TCP_ACK) return 0;
  const { connections, core } = state;
  connections.writeTuple({ ...keyOf(packet), local: tupleOf(state, packet).vip });
  const isns = [advance(packet.sequence, -1), advance(packet.acknowledgment, -1)] as const;
  const options = core.cookieCheck(L.CONTROL_TUPLE, ...isns);
  if (options === 0) return 0;
  const stamped = packet.options.timestamps ? L.OPTION_TIMESTAMPS << 24 : 0;
  return (options & 0x7fffffff) | stamped;
}

/** What this switch knows of it. */
function answer(state: SwitchState, asked: Asked, from: string): Found {
  const { connections } = state;
  const entry = state.find(state.keyOf(asked.tuple));
  const none = { asked, id: NO_ID, clientIsn: 0, server: '' };
  if (entry === L.NO_ENTRY) return { ...none, verdict: 'unknown' };
  const clientIsn = connections.record32(entry, L.RECORD_CLIENT_ISN);
  if (asked.clientIsn !== null && isAfter(asked.clientIsn, clientIsn)) {
    return { ...none, verdict: 'unknown' };
  }
  const opening = state.openings.get(entry);
  const entryState = connections.state(entry);
  if (opening ? isUndecided(opening) : entryState === L.STATE_GATHERING) {
    return { ...none, verdict: 'unknown' };
  }
  const server = state.serverOf(entry);
  const isSame = asked.clientIsn === null || asked.clientIsn === clientIsn;
  if (!server || opening || !isSame || !isAssigned(entryState) || from === server.name) {
    return { ...none, verdict: 'taken' };
  }
  return { asked, id: connections.id(entry), clientIsn, server: server.name, verdict: 'mine' };
}

/** No server was asked to take it yet. */
function isUndecided({ phase, handing }: Opening): boolean {
  return phase === 'gathering' || (phase === 'handing' && handing!.server === NO_SERVER);
}

/** What an agent, or another switch, knows of connections. */
export function answered(
  state: SwitchState,
  from: string,
  found: readonly Found[],
  nowMs: number,
): void {
  for (const each of found) {
    const question = state.questions.answered(each, from);
    if (each.verdict === 'mine') located(state, from, each, question, nowMs);
    else if (question && each.verdict === 'taken') giveWay(state, question);
    else if (question && question.waits.size === 0) free(state, question, nowMs);
  }
}

/** It is under way elsewhere, or over: its client repeats what is not served. */
function giveWay(state: SwitchState, question: Question): void {
  state.questions.settle(question);
  if (question.opening) dropHanding(state, question.opening);
}

function free(state: SwitchState, question: Question, nowMs: number): void {
  if (question.opening) return askedAnew(state, question.opening, nowMs);
  state.questions.settle(question);
  state.questions.noteUnknown(question, nowMs);
  for (const event of question.held) state.strays.packet(state, event, nowMs);
}

/** A server has it. Only its agent gives an entry: it will tell this switch of the end. */
function located(
  state: SwitchState,
  from: string,
  found: Found,
  question: Question | null,
  nowMs: number,
): void {
  const { asked, id, clientIsn } = found;
  const { tuple } = asked;
  const server = state.serverNamed(from);
  if (!server) {
    const other = state.serverNamed(found.server);
    const isThere = state.find(state.keyOf(tuple)) !== L.NO_ENTRY && !question?.opening;
    if (other?.up && !isThere) state.questions.put(other.name, { tuple, clientIsn: null }, nowMs);
    else if (question) {
      for (const event of question.held.splice(0)) passTo(state, from, event);
      giveWay(state, question);
    }
    return;
  }
  if (question) giveWay(state, question);
  if (!takeIn(state, server, { id, tuple, clientIsn }, nowMs)) return;
  const entry = state.find(state.keyOf(tuple));
  if (entry === L.NO_ENTRY) return;
  for (const { packet, vnet } of question?.held ?? []) {
    passOn(state, entry, { packet, vnet, counted: false });
  }
}
