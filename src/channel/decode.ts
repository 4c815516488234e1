// Bodies to messages. Nothing here throws or reads past the frame: what does not fit is undefined.
import { ByteReader } from './bytes.ts';
import { addressAt, idAt, optionsOf, tupleAt } from './decode-parts.ts';
import { takeGroupMessage } from './group-messages.ts';
import { takeIdle } from './idle-message.ts';
import { busy, release, released, requests } from './decode-moves.ts';
import type {
  Binding,
  Close,
  Confirm,
  Failed,
  Handoff,
  HandoffId,
  Hello,
  Message,
  Resync,
  ResyncEntry,
  ServiceOffer,
  Update,
} from './messages.ts';
import { takeDispatching } from './dispatch-messages.ts';
import * as wire from './wire.ts';

const CONFIRMED = new Map<number, NonNullable<Confirm['of']>>([
  [wire.TYPE_READY, 'ready'],
  [wire.TYPE_FAILED, 'failed'],
  [wire.TYPE_CLOSE, 'close'],
  [wire.TYPE_RELEASED, 'released'],
  [wire.TYPE_UPDATE, 'update'],
]);

/**
 * `count` things in order; undefined when one of them is. A count can not be larger than the frame.
 */
function list<Thing>(count: number, read: () => Thing | undefined): Thing[] | undefined {
  const things: Thing[] = [];
  for (let i = 0; i < count; i++) {
    const thing = read();
    if (thing === undefined) return undefined;
    things.push(thing);
  }
  return things;
}

function offer(reader: ByteReader): ServiceOffer | undefined {
  const at = reader.take(wire.OFFER_SIZE);
  if (at < 0) return undefined;
  const vip = addressAt(reader, at + wire.OFFER_VIP, at + wire.OFFER_FAMILY);
  if (!vip) return undefined;
  return {
    vip,
    port: reader.view.getUint16(at + wire.OFFER_PORT),
    serverPort: reader.view.getUint16(at + wire.OFFER_SERVER_PORT),
  };
}

function binding(reader: ByteReader): Binding | undefined {
  const at = reader.take(wire.BINDING_SIZE);
  if (at < 0) return undefined;
  const vip = addressAt(reader, at + wire.BINDING_VIP, at + wire.BINDING_FAMILY);
  const handoff = addressAt(reader, at + wire.BINDING_HANDOFF, at + wire.BINDING_FAMILY);
  if (!vip || !handoff) return undefined;
  return {
    vip,
    port: reader.view.getUint16(at + wire.BINDING_PORT),
    handoff,
    handoffPort: reader.view.getUint16(at + wire.BINDING_HANDOFF_PORT),
  };
}

function hello(reader: ByteReader): Hello | undefined {
  const at = reader.take(wire.HELLO_SIZE);
  if (at < 0) return undefined;
  const { view, bytes } = reader;
  const name = reader.string();
  const group = reader.string();
  const string = (): string | undefined => reader.string();
  const roles = list(bytes[at + wire.HELLO_ROLES] ?? 0, string);
  const capabilities = list(bytes[at + wire.HELLO_CAPABILITIES] ?? 0, string);
  const services = list(view.getUint16(at + wire.HELLO_SERVICES), () => offer(reader));
  const bindings = list(view.getUint16(at + wire.HELLO_BINDINGS), () => binding(reader));
  if (name === undefined || group === undefined) return undefined;
  if (!roles || !capabilities || !services || !bindings) return undefined;
  const version = view.getUint16(at + wire.HELLO_PROTOCOL);
  const run = view.getUint32(at + wire.HELLO_RUN);
  return { type: 'hello', version, name, roles, group, run, capabilities, services, bindings };
}

function handoff(reader: ByteReader): Handoff | undefined {
  const at = reader.take(wire.HANDOFF_SIZE);
  if (at < 0) return undefined;
  const { view } = reader;
  const tuple = tupleAt(reader, at + wire.HANDOFF_TUPLE);
  const clientScale = view.getUint8(at + wire.HANDOFF_CLIENT_SCALE);
  const switchScale = view.getUint8(at + wire.HANDOFF_SWITCH_SCALE);
  const flags = view.getUint8(at + wire.HANDOFF_FLAGS);
  const length = view.getUint32(at + wire.HANDOFF_BYTES);
  if (clientScale > wire.SCALE_LIMIT || switchScale > wire.SCALE_LIMIT) return undefined;
  if (!tuple || length > wire.HANDOFF_BYTES_LIMIT) return undefined;
  const bytes = reader.copy(length);
  const bySyn = (flags & wire.HANDOFF_FLAG_BY_SYN) !== 0;
  if (!bytes || (bySyn && length > 0)) return undefined;
  const named = (flags & wire.HANDOFF_FLAG_COOKIE) !== 0;
  const cookie = named ? reader.string() : undefined;
  if (named && !cookie) return undefined;
  const requests = requestsOf(reader, flags);
  if (requests === null) return undefined;
  return {
    type: 'handoff',
    id: idAt(reader, at + wire.HANDOFF_ID),
    tuple,
    serverPort: view.getUint16(at + wire.HANDOFF_SERVER_PORT),
    clientIsn: view.getUint32(at + wire.HANDOFF_CLIENT_ISN),
    switchIsn: view.getUint32(at + wire.HANDOFF_SWITCH_ISN),
    switchNext: view.getUint32(at + wire.HANDOFF_SWITCH_NEXT),
    mss: view.getUint16(at + wire.HANDOFF_MSS),
    clientScale,
    switchScale,
    ...optionsOf(flags),
    sessions: (flags & wire.HANDOFF_FLAG_SESSIONS) !== 0,
    timestampRecent: view.getUint32(at + wire.HANDOFF_TIMESTAMP_RECENT),
    timestampSwitch: view.getUint32(at + wire.HANDOFF_TIMESTAMP_SWITCH),
    window: view.getUint16(at + wire.HANDOFF_WINDOW),
    ...(bySyn && { bySyn }),
    ...(cookie !== undefined && { cookie }),
    ...(requests && { requests }),
    ...((flags & wire.HANDOFF_FLAG_RESERVED) !== 0 && { reserved: true as const }),
    bytes,
  };
}

/** Undefined: the handoff does not speak of requests; null: it is damaged. */
function requestsOf(reader: ByteReader, flags: number): Handoff['requests'] | null {
  const isHead = (flags & wire.HANDOFF_FLAG_HEAD) !== 0;
  if ((flags & wire.HANDOFF_FLAG_REQUESTS) === 0) return isHead ? null : undefined;
  const at = reader.take(wire.HANDOFF_NEXT_SIZE);
  return at < 0 ? null : { next: reader.view.getUint32(at), isHead };
}

function failed(reader: ByteReader): Failed | undefined {
  const at = reader.take(wire.FAILED_SIZE);
  if (at < 0) return undefined;
  const id = idAt(reader, at + wire.FAILED_ID);
  const delivered = reader.bytes[at + wire.FAILED_DELIVERED];
  const reason = reader.string();
  if (reason === undefined) return undefined;
  if (delivered !== wire.DELIVERED_NO && delivered !== wire.DELIVERED_MAYBE) return undefined;
  return {
    type: 'failed',
    id,
    delivered: delivered === wire.DELIVERED_NO ? 'no' : 'maybe',
    reason,
  };
}

function id(reader: ByteReader): HandoffId | undefined {
  const at = reader.take(wire.ID_SIZE);
  return at < 0 ? undefined : idAt(reader, at);
}

function confirm(reader: ByteReader): Confirm | undefined {
  const at = reader.take(wire.CONFIRM_SIZE);
  if (at < 0) return undefined;
  const type = reader.bytes[at + wire.CONFIRM_OF] ?? 0;
  const of = CONFIRMED.get(type);
  const ids = list(reader.view.getUint16(at + wire.CONFIRM_COUNT), () => id(reader));
  if (!ids || (type !== 0 && !of)) return undefined;
  return of ? { type: 'confirm', ids, of } : { type: 'confirm', ids };
}

function close(reader: ByteReader): Close | undefined {
  const at = reader.take(wire.CLOSE_SIZE);
  const tuple = at < 0 ? undefined : tupleAt(reader, at + wire.CLOSE_TUPLE);
  if (!tuple) return undefined;
  const id = idAt(reader, at + wire.CLOSE_ID);
  if (reader.left === 0) return { type: 'close', id, tuple };
  const isnAt = reader.take(wire.CLOSE_CLIENT_ISN_SIZE);
  if (isnAt < 0) return undefined;
  return { type: 'close', id, tuple, clientIsn: reader.view.getUint32(isnAt) };
}

function update(reader: ByteReader): Update | undefined {
  const at = reader.take(wire.UPDATE_SIZE);
  if (at < 0) return undefined;
  const tuple = tupleAt(reader, at + wire.UPDATE_TUPLE);
  const family = at + wire.UPDATE_TUPLE + wire.TUPLE_FAMILY;
  const handoff = addressAt(reader, at + wire.UPDATE_HANDOFF, family);
  const server = reader.string();
  if (!tuple || !handoff || server === undefined) return undefined;
  return {
    type: 'update',
    id: idAt(reader, at + wire.UPDATE_ID),
    tuple,
    clientIsn: reader.view.getUint32(at + wire.UPDATE_CLIENT_ISN),
    handoff,
    handoffPort: reader.view.getUint16(at + wire.UPDATE_HANDOFF_PORT),
    server,
  };
}

function resyncEntry(reader: ByteReader): ResyncEntry | undefined {
  const at = reader.take(wire.RESYNC_ENTRY_SIZE);
  if (at < 0) return undefined;
  const tuple = tupleAt(reader, at + wire.RESYNC_ENTRY_TUPLE);
  if (!tuple) return undefined;
  const clientIsn = reader.view.getUint32(at + wire.RESYNC_ENTRY_CLIENT_ISN);
  return { id: idAt(reader, at + wire.RESYNC_ENTRY_ID), tuple, clientIsn };
}

function resync(reader: ByteReader): Resync | undefined {
  const at = reader.take(wire.RESYNC_SIZE);
  if (at < 0) return undefined;
  const last = reader.bytes[at + wire.RESYNC_LAST] ?? 0;
  const count = reader.view.getUint16(at + wire.RESYNC_COUNT);
  const entries = list(count, () => resyncEntry(reader));
  if (!entries || last > 1) return undefined;
  return { type: 'resync', entries, last: last === 1 };
}

/**
 * Reads the body of a frame of `type`; undefined when it is cut, has wrong values or is of an
 * unknown type.
 */
export function takeBody(type: number, reader: ByteReader): Message | undefined {
  switch (type) {
    case wire.TYPE_HELLO:
      return hello(reader);
    case wire.TYPE_HANDOFF:
      return handoff(reader);
    case wire.TYPE_READY: {
      const ready = id(reader);
      return ready && { type: 'ready', id: ready };
    }
    case wire.TYPE_FAILED:
      return failed(reader);
    case wire.TYPE_CLOSE:
      return close(reader);
    case wire.TYPE_CONFIRM:
      return confirm(reader);
    case wire.TYPE_UPDATE:
      return update(reader);
    case wire.TYPE_RESYNC:
      return resync(reader);
    case wire.TYPE_LOAD: {
      const at = reader.take(wire.LOAD_SIZE);
      if (at < 0) return undefined;
      return { type: 'load', openConnections: reader.view.getUint32(at + wire.LOAD_OPEN) };
    }
    case wire.TYPE_SESSION: {
      const at = reader.take(wire.SESSION_SIZE);
      if (at < 0) return undefined;
      const key = reader.view.getUint32(at + wire.SESSION_KEY);
      return { type: 'session', id: idAt(reader, at + wire.SESSION_ID), key };
    }
    case wire.TYPE_RELEASE:
      return release(reader);
    case wire.TYPE_RELEASED:
      return released(reader);
    case wire.TYPE_BUSY:
      return busy(reader);
    case wire.TYPE_REQUESTS:
      return requests(reader);
    case wire.TYPE_IDLE:
      return takeIdle(reader);
    case wire.TYPE_PING:
      return { type: 'ping' };
    default:
      return takeDispatching(type, reader) ?? takeGroupMessage(type, reader);
  }
}
