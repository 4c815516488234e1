// The control channel's frames: header + body. Layouts: wire.ts; meaning: docs/protocol.md.
import { ByteReader, ByteWriter } from './bytes.ts';
import { roomFor } from './dispatch-messages.ts';
import { takeBody } from './decode.ts';
import { putBody } from './encode.ts';
import type { Message } from './messages.ts';
import * as wire from './wire.ts';

export interface Frame {
  message: Message;
  /** counts the sender's frames on this connection from 1 on */
  number: number;
  /** newest frame number that the sender had received, 0 = none */
  received: number;
}

/** Why a frame was refused. Its connection is closed: nothing behind it can be trusted. */
export interface FrameError {
  error: string;
}

const NAMES = [
  'hello',
  'handoff',
  'ready',
  'failed',
  'close',
  'confirm',
  'update',
  'resync',
  'load',
  'ping',
  'session',
  'release',
  'released',
  'busy',
  'requests',
  'idle',
];
const DISPATCH_NAMES = ['roster', 'dispatch', 'dispatched'];
const GROUP_NAMES = ['query', 'answer', 'pass'];

function nameOf(type: number): string | undefined {
  const later = DISPATCH_NAMES[type - wire.TYPE_ROSTER] ?? GROUP_NAMES[type - wire.TYPE_QUERY];
  return NAMES[type - 1] ?? later;
}

/**
 * One frame without its numbers (stampFrame adds them when it is sent).
 * Throws RangeError for a message that does not fit: addresses of two families, a string over 255
 * bytes, more than 64 KiB of request bytes, a frame over 96 KiB (see splitMessage).
 */
export function encodeMessage(message: Message): Uint8Array {
  const room = message.type === 'handoff' ? message.bytes.length : roomFor(message);
  const writer = new ByteWriter(wire.FRAME_HEADER + 112 + room);
  writer.add(wire.FRAME_HEADER);
  const type = putBody(writer, message);
  const frame = writer.finish();
  if (frame.length > wire.FRAME_LIMIT) {
    throw new RangeError(`${message.type}: a frame of ${frame.length} bytes, at most 98304 fit`);
  }
  writer.view.setUint32(wire.FRAME_LENGTH, frame.length);
  frame[wire.FRAME_TYPE] = type;
  frame[wire.FRAME_VERSION] = wire.PROTOCOL_VERSION;
  return frame;
}

/** Writes the numbers into an encoded frame. */
export function stampFrame(frame: Uint8Array, number: number, received: number): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  view.setUint32(wire.FRAME_NUMBER, number);
  view.setUint32(wire.FRAME_RECEIVED, received);
}

/** encodeMessage and stampFrame in one. */
export function encodeFrame(message: Message, number: number, received: number): Uint8Array {
  const frame = encodeMessage(message);
  stampFrame(frame, number, received);
  return frame;
}

/** Reads one whole frame. Never throws; what it returns shares no memory with `bytes`. */
export function decodeFrame(bytes: Uint8Array): Frame | FrameError {
  if (bytes.length < wire.FRAME_HEADER) return { error: `a frame of ${bytes.length} bytes` };
  const reader = new ByteReader(bytes, wire.FRAME_HEADER);
  const length = reader.view.getUint32(wire.FRAME_LENGTH);
  if (length !== bytes.length) {
    return { error: `a frame of ${bytes.length} bytes whose length field says ${length}` };
  }
  const type = reader.view.getUint8(wire.FRAME_TYPE);
  const version = reader.view.getUint8(wire.FRAME_VERSION);
  if (version < wire.OLDEST_VERSION || version > wire.PROTOCOL_VERSION) {
    return { error: `a frame of protocol version ${version}, known is ${wire.PROTOCOL_VERSION}` };
  }
  const name = nameOf(type);
  if (name === undefined) return { error: `a frame of unknown type ${type}` };
  const message = takeBody(type, reader);
  if (!message) return { error: `a damaged ${name} message` };
  // a later version's hello may say more than this one knows
  if (reader.left > 0 && message.type !== 'hello') {
    return { error: `a ${name} message with ${reader.left} bytes too many` };
  }
  return {
    message,
    number: reader.view.getUint32(wire.FRAME_NUMBER),
    received: reader.view.getUint32(wire.FRAME_RECEIVED),
  };
}

/** Lists too long for one frame as several messages of the same meaning. */
export function splitMessage(message: Message): Message[] {
  if (message.type === 'resync' && message.entries.length > wire.LIST_LIMIT) {
    return chunks(message.entries).map((entries, index, all) => {
      return { ...message, entries, last: message.last && index === all.length - 1 };
    });
  }
  if (message.type === 'confirm' && message.ids.length > wire.LIST_LIMIT) {
    return chunks(message.ids).map((ids) => ({ ...message, ids }));
  }
  return [message];
}

function chunks<Thing>(list: Thing[]): Thing[][] {
  const count = Math.ceil(list.length / wire.LIST_LIMIT);
  return Array.from({ length: count }, (_, index) => {
    return list.slice(index * wire.LIST_LIMIT, (index + 1) * wire.LIST_LIMIT);
  });
}
