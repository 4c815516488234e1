// Bodies of the messages by which a connection is taken from its server.
import type { ByteReader } from './bytes.ts';
import { idAt, optionsOf, tupleAt } from './decode-parts.ts';
import type { Busy, Release, Released, Requests } from './messages.ts';
import * as wire from './wire.ts';

export function release(reader: ByteReader): Release | undefined {
  const at = reader.take(wire.RELEASE_SIZE);
  if (at < 0) return undefined;
  const { view } = reader;
  const tuple = tupleAt(reader, at + wire.RELEASE_TUPLE);
  const waits = view.getUint8(at + wire.RELEASE_WAITS);
  if (!tuple || waits > 1) return undefined;
  return {
    type: 'release',
    id: idAt(reader, at + wire.RELEASE_ID),
    tuple,
    sequence: view.getUint32(at + wire.RELEASE_SEQUENCE),
    acknowledgment: view.getUint32(at + wire.RELEASE_ACKNOWLEDGMENT),
    requests: view.getUint32(at + wire.RELEASE_REQUESTS),
    waits: waits === 1,
  };
}

export function released(reader: ByteReader): Released | undefined {
  const at = reader.take(wire.RELEASED_SIZE);
  const tuple = at < 0 ? undefined : tupleAt(reader, at + wire.RELEASED_TUPLE);
  if (!tuple) return undefined;
  return {
    type: 'released',
    id: idAt(reader, at + wire.RELEASED_ID),
    tuple,
    next: reader.view.getUint32(at + wire.RELEASED_NEXT),
    timestamp: reader.view.getUint32(at + wire.RELEASED_TIMESTAMP),
  };
}

export function busy(reader: ByteReader): Busy | undefined {
  const at = reader.take(wire.BUSY_SIZE);
  if (at < 0) return undefined;
  const reason = wire.BUSY_REASONS[reader.view.getUint8(at + wire.BUSY_REASON)];
  return reason && { type: 'busy', id: idAt(reader, at + wire.BUSY_ID), reason };
}

export function requests(reader: ByteReader): Requests | undefined {
  const at = reader.take(wire.REQUESTS_SIZE);
  const tuple = at < 0 ? undefined : tupleAt(reader, at + wire.REQUESTS_TUPLE);
  if (!tuple) return undefined;
  const { view } = reader;
  const agreed = {
    mss: view.getUint16(at + wire.REQUESTS_MSS),
    clientScale: view.getUint8(at + wire.REQUESTS_CLIENT_SCALE),
    switchScale: view.getUint8(at + wire.REQUESTS_SWITCH_SCALE),
    ...optionsOf(view.getUint8(at + wire.REQUESTS_FLAGS)),
  };
  if (Math.max(agreed.clientScale, agreed.switchScale) > wire.SCALE_LIMIT) return undefined;
  return {
    type: 'requests',
    id: idAt(reader, at + wire.REQUESTS_ID),
    tuple,
    count: view.getUint32(at + wire.REQUESTS_COUNT),
    next: view.getUint32(at + wire.REQUESTS_NEXT),
    ...(agreed.mss > 0 && { agreed }),
  };
}
