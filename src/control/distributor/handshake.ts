import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import type { Tuple } from '../../channel/messages.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { advance, isAfter, isBefore } from '../../packet/sequence.ts';
import type { ClientSide, Opening } from '../opening.ts';
import type { Service } from '../service.ts';
import type { SwitchState } from '../state.ts';
import { GATHER_LIMIT, Gather } from './gather.ts';

/**
 * What a segment is worth before the handoff. 'repeat', 'challenge': throw it away and answer with
 * an ACK, the second as RFC 5961 asks (see challenge.ts for the difference);
 * 'reset': the client ended the connection; 'ignore': throw it away.
 */
export type Judgement = 'accept' | 'repeat' | 'challenge' | 'reset' | 'ignore';

/** Bytes of sequence space that the segment takes. */
export function segmentLength(packet: TcpPacket): number {
  const syn = (packet.flags & TCP_SYN) !== 0 ? 1 : 0;
  const fin = (packet.flags & TCP_FIN) !== 0 ? 1 : 0;
  return packet.payload.length + syn + fin;
}

/** RFC 9293 section 3.10.7.4 with RFC 5961 and PAWS (RFC 7323 section 5), in Linux's order. */
export function judge(opening: Opening, packet: TcpPacket): Judgement {
  const isReset = (packet.flags & TCP_RST) !== 0;
  const isSyn = (packet.flags & TCP_SYN) !== 0;
  const refused = isSyn ? 'challenge' : 'repeat';
  if (!isReset && isOld(opening.client, packet)) return refused;
  const next = nextExpected(opening);
  const end = advance(packet.sequence, segmentLength(packet));
  const inWindow =
    !isBefore(end, next) && !isAfter(packet.sequence, advance(next, windowLeft(opening)));
  if (isReset) {
    if (packet.sequence === next) return 'reset';
    return inWindow ? 'challenge' : 'ignore';
  }
  if (!inWindow || isSyn) return refused;
  if ((packet.flags & TCP_ACK) === 0) return 'ignore';
  return isAcknowledging(opening, packet) ? 'accept' : 'challenge';
}

/** PAWS; a recent value of 0 says nothing: some hosts begin their clock behind the handshake. */
function isOld(client: ClientSide, packet: TcpPacket): boolean {
  const stamp = client.timestamps ? packet.options.timestamps : undefined;
  if (!stamp || client.timestampRecent === 0) return false;
  return isBefore(stamp.value, client.timestampRecent);
}

/** Of what we sent, or older by no more than the largest window of the client (RFC 5961, 5.2). */
function isAcknowledging({ client, switchIsn }: Opening, packet: TcpPacket): boolean {
  const sent = advance(switchIsn, 1);
  const shift = client.scale === L.SCALE_NONE ? 0 : client.scale;
  const oldest = advance(sent, -(client.window * 2 ** shift));
  return !isAfter(packet.acknowledgment, sent) && !isBefore(packet.acknowledgment, oldest);
}

/** RCV.NXT: what is in order is received, whether it was acknowledged or not. */
export function nextExpected(opening: Opening): number {
  const { gather, fin } = opening;
  return fin !== null && advance(gather.next, 1) === fin ? fin : gather.next;
}

/**
 * What the client may send beyond nextExpected(): the SYN-ACK's offer, never taken back. Bytes that
 * are beyond the longest head are not kept before the handoff; the client repeats them.
 */
export function windowLeft(opening: Opening): number {
  const offered = Math.max(GATHER_LIMIT, opening.service.window);
  return offered - opening.gather.length;
}

/** Takes over what an acceptable segment says about the client. */
export function learn(opening: Opening, packet: TcpPacket): void {
  const { client } = opening;
  client.window = packet.window;
  const stamp = client.timestamps ? packet.options.timestamps : undefined;
  if (!stamp) return;
  if (stamp.echo !== 0) client.timestampSwitch = stamp.echo;
  // RFC 7323 section 4.3: not from a segment beyond a hole, or what fills it would look too old
  if (isAfter(packet.sequence, nextExpected(opening))) return;
  // 0 says nothing, as above: a switch that was started anew does not know it
  const isFirst = client.timestampRecent === 0;
  if (isFirst || !isBefore(stamp.value, client.timestampRecent)) {
    client.timestampRecent = stamp.value;
  }
}

/** The object of a connection whose record is all there is of it. */
export function openFromRecord(
  state: SwitchState,
  entry: number,
  worker: number,
  nowMs: number,
): Opening | undefined {
  const { connections } = state;
  const tuple = state.tupleOf(entry);
  const service = state.serviceAt(tuple.vip, tuple.vipPort);
  if (!service) return undefined;
  const options = connections.record8(entry, L.RECORD_OPTIONS);
  const client: ClientSide = {
    isn: connections.record32(entry, L.RECORD_CLIENT_ISN),
    mss: connections.record16(entry, L.RECORD_CLIENT_MSS),
    scale: connections.record8(entry, L.RECORD_CLIENT_SCALE),
    sack: (options & L.OPTION_SACK) !== 0,
    timestamps: (options & L.OPTION_TIMESTAMPS) !== 0,
    window: connections.record16(entry, L.RECORD_CLIENT_WINDOW),
    timestampRecent: connections.record32(entry, L.RECORD_TIMESTAMP_RECENT),
    timestampSwitch: connections.record32(entry, L.RECORD_TIMESTAMP_SWITCH),
  };
  const switchIsn = connections.record32(entry, L.RECORD_SWITCH_ISN);
  const opening = makeOpening(tuple, service, client, switchIsn, nowMs);
  opening.entry = entry;
  opening.worker = worker;
  opening.bySyn = (connections.flags(entry) & L.FLAG_UNPROVEN) !== 0;
  opening.id = connections.id(entry);
  opening.deadlineMs = connections.recordMs(entry, L.RECORD_DEADLINE);
  return opening;
}

function makeOpening(
  tuple: Tuple,
  service: Service,
  client: ClientSide,
  switchIsn: number,
  nowMs: number,
): Opening {
  const first = advance(client.isn, 1);
  return {
    phase: 'gathering',
    queuedMs: Infinity,
    place: -1,
    entry: L.NO_ENTRY,
    entryIsn: client.isn,
    id: { run: 0, counter: 0 },
    tuple,
    service,
    worker: 0,
    bySyn: false,
    openedMs: nowMs,
    deadlineMs: Infinity,
    ackDueMs: Infinity,
    client,
    switchIsn,
    acked: first,
    gather: new Gather(first),
    parsed: 0,
    wanted: 0,
    fin: null,
    isParked: false,
    leaves: null,
    field: null,
    handing: null,
    following: null,
    question: null,
    farewell: null,
  };
}
