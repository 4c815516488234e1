// What the switches of one group ask agents and each other, so that every connection stays with one
// server (docs/protocol.md, section 8).
import type { ByteReader, ByteWriter } from './bytes.ts';
import { idAt, tupleAt } from './decode-parts.ts';
import { putId, putTuple } from './encode-parts.ts';
import type { HandoffId, Message, Tuple } from './messages.ts';
import * as wire from './wire.ts';

/** How an agent's reason begins that another switch of the group is about to hand it over, or has. */
export const NOT_YOURS = 'not yours: ';

/** A connection somebody may have. */
export interface Asked {
  tuple: Tuple;
  /** null: of a packet in mid-connection, which does not tell; then nothing is reserved */
  clientIsn: number | null;
}

/** Who has these connections? Switch to agent or switch. */
export interface Query {
  type: 'query';
  asked: Asked[];
}

/**
 * unknown: it is not here, and an agent has reserved it for the asker (if an ISN was named). taken: nobody
 * may hand it over now: it is under way, over, or reserved for another. mine: a server has it.
 */
export interface Found {
  asked: Asked;
  verdict: (typeof wire.FOUND_VERDICTS)[number];
  /** mine: what resync would tell */
  id: HandoffId;
  clientIsn: number;
  /** mine: name of the server */
  server: string;
}

export interface Answer {
  type: 'answer';
  found: Found[];
}

/** A client's packet without an entry here, for the owner of its tuple. */
export interface Pass {
  type: 'pass';
  packet: Uint8Array;
  /** its virtio_net_hdr */
  vnet: Uint8Array;
}

export type GroupMessage = Query | Answer | Pass;

export function isOfGroup(message: Message): message is GroupMessage {
  return message.type === 'query' || message.type === 'answer' || message.type === 'pass';
}

function putAsked(writer: ByteWriter, at: number, { tuple, clientIsn }: Asked): void {
  putTuple(writer, at + wire.ASKED_TUPLE, tuple);
  if (clientIsn === null) return;
  writer.view.setUint32(at + wire.ASKED_ISN, clientIsn);
  writer.bytes[at + wire.ASKED_HAS_ISN] = 1;
}

/** As putBody. */
export function putGroupMessage(writer: ByteWriter, message: GroupMessage): number {
  if (message.type === 'query') {
    const at = writer.add(wire.QUERY_SIZE);
    writer.view.setUint16(at + wire.QUERY_COUNT, message.asked.length);
    for (const each of message.asked) putAsked(writer, writer.add(wire.ASKED_SIZE), each);
    return wire.TYPE_QUERY;
  }
  if (message.type === 'answer') {
    const at = writer.add(wire.ANSWER_SIZE);
    writer.view.setUint16(at + wire.ANSWER_COUNT, message.found.length);
    for (const each of message.found) putFound(writer, each);
    return wire.TYPE_ANSWER;
  }
  const at = writer.add(wire.PASS_SIZE);
  writer.bytes.set(message.vnet, at + wire.PASS_VNET);
  writer.view.setUint32(at + wire.PASS_LENGTH, message.packet.length);
  writer.append(message.packet);
  return wire.TYPE_PASS;
}

function putFound(writer: ByteWriter, found: Found): void {
  const at = writer.add(wire.FOUND_SIZE);
  putAsked(writer, at + wire.FOUND_ASKED, found.asked);
  writer.bytes[at + wire.FOUND_VERDICT] = wire.FOUND_VERDICTS.indexOf(found.verdict);
  writer.view.setUint32(at + wire.FOUND_CLIENT_ISN, found.clientIsn);
  putId(writer, at + wire.FOUND_ID, found.id);
  writer.string(found.server);
}

/** As takeBody. */
export function takeGroupMessage(type: number, reader: ByteReader): GroupMessage | undefined {
  if (type === wire.TYPE_QUERY) return query(reader);
  if (type === wire.TYPE_ANSWER) return answer(reader);
  return type === wire.TYPE_PASS ? pass(reader) : undefined;
}

function askedAt(reader: ByteReader, at: number): Asked | undefined {
  const { view } = reader;
  const tuple = tupleAt(reader, at + wire.ASKED_TUPLE);
  const hasIsn = view.getUint8(at + wire.ASKED_HAS_ISN);
  if (!tuple || hasIsn > 1) return undefined;
  return { tuple, clientIsn: hasIsn === 1 ? view.getUint32(at + wire.ASKED_ISN) : null };
}

function query(reader: ByteReader): Query | undefined {
  const at = reader.take(wire.QUERY_SIZE);
  if (at < 0) return undefined;
  const asked: Asked[] = [];
  for (let left = reader.view.getUint16(at + wire.QUERY_COUNT); left > 0; left -= 1) {
    const next = reader.take(wire.ASKED_SIZE);
    const each = next < 0 ? undefined : askedAt(reader, next);
    if (!each) return undefined;
    asked.push(each);
  }
  return { type: 'query', asked };
}

function answer(reader: ByteReader): Answer | undefined {
  const at = reader.take(wire.ANSWER_SIZE);
  if (at < 0) return undefined;
  const found: Found[] = [];
  for (let left = reader.view.getUint16(at + wire.ANSWER_COUNT); left > 0; left -= 1) {
    const each = foundOf(reader);
    if (!each) return undefined;
    found.push(each);
  }
  return { type: 'answer', found };
}

function foundOf(reader: ByteReader): Found | undefined {
  const at = reader.take(wire.FOUND_SIZE);
  if (at < 0) return undefined;
  const asked = askedAt(reader, at + wire.FOUND_ASKED);
  const verdict = wire.FOUND_VERDICTS[reader.view.getUint8(at + wire.FOUND_VERDICT)];
  const server = reader.string();
  if (!asked || !verdict || server === undefined) return undefined;
  const clientIsn = reader.view.getUint32(at + wire.FOUND_CLIENT_ISN);
  return { asked, verdict, id: idAt(reader, at + wire.FOUND_ID), clientIsn, server };
}

function pass(reader: ByteReader): Pass | undefined {
  const at = reader.take(wire.PASS_SIZE);
  if (at < 0) return undefined;
  const vnetAt = at + wire.PASS_VNET;
  const vnet = reader.bytes.slice(vnetAt, vnetAt + wire.PASS_VNET_SIZE);
  const length = reader.view.getUint32(at + wire.PASS_LENGTH);
  const packet = length > wire.PASS_LIMIT ? undefined : reader.copy(length);
  return packet && { type: 'pass', packet, vnet };
}
