// Which connections of a server are between two requests, so that they need not die with it.
import type { ByteReader, ByteWriter } from './bytes.ts';
import { idAt, tupleAt } from './decode-parts.ts';
import { putId, putTuple } from './encode-parts.ts';
import type { Released } from './messages.ts';
import * as wire from './wire.ts';

/** Capability of a switch that wants to be told. */
export const TAKES_IDLE = 'idle';

export interface IdleConnection extends Omit<Released, 'type'> {
  /** where the client's next request begins */
  sequence: number;
  /** that the server got under this id, all answered; 0: it is no longer so, nothing else counts */
  requests: number;
}

/**
 * Agent to switch: nothing of these connections is under way, and nothing goes to their clients before a
 * next request comes, or the switch has been told otherwise. What is lost costs them only if the server
 * dies, too.
 */
export interface Idle {
  type: 'idle';
  connections: IdleConnection[];
}

/** As putBody. */
export function putIdle(writer: ByteWriter, { connections }: Idle): number {
  const at = writer.add(wire.IDLE_SIZE);
  writer.view.setUint16(at + wire.IDLE_COUNT, connections.length);
  for (const each of connections) {
    const place = writer.add(wire.IDLE_CONNECTION_SIZE);
    putId(writer, place + wire.IDLE_ID, each.id);
    putTuple(writer, place + wire.IDLE_TUPLE, each.tuple);
    writer.view.setUint32(place + wire.IDLE_NEXT, each.next);
    writer.view.setUint32(place + wire.IDLE_TIMESTAMP, each.timestamp);
    writer.view.setUint32(place + wire.IDLE_SEQUENCE, each.sequence);
    writer.view.setUint32(place + wire.IDLE_REQUESTS, each.requests);
  }
  return wire.TYPE_IDLE;
}

/** As takeBody. */
export function takeIdle(reader: ByteReader): Idle | undefined {
  const at = reader.take(wire.IDLE_SIZE);
  if (at < 0) return undefined;
  const connections: IdleConnection[] = [];
  for (let left = reader.view.getUint16(at + wire.IDLE_COUNT); left > 0; left -= 1) {
    const each = takeConnection(reader);
    if (!each) return undefined;
    connections.push(each);
  }
  return { type: 'idle', connections };
}

function takeConnection(reader: ByteReader): IdleConnection | undefined {
  const at = reader.take(wire.IDLE_CONNECTION_SIZE);
  const tuple = at < 0 ? undefined : tupleAt(reader, at + wire.IDLE_TUPLE);
  if (!tuple) return undefined;
  const { view } = reader;
  return {
    id: idAt(reader, at + wire.IDLE_ID),
    tuple,
    next: view.getUint32(at + wire.IDLE_NEXT),
    timestamp: view.getUint32(at + wire.IDLE_TIMESTAMP),
    sequence: view.getUint32(at + wire.IDLE_SEQUENCE),
    requests: view.getUint32(at + wire.IDLE_REQUESTS),
  };
}
