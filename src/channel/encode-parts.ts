// What stands in many bodies.
import type { ByteWriter } from './bytes.ts';
import type { Address, HandoffId, Tuple } from './messages.ts';
import * as wire from './wire.ts';

/** 4 or 6. Throws RangeError when the addresses are not all of one family. */
export function familyOf(first: Address, second: Address): number {
  if (first.length !== second.length || (first.length !== 4 && first.length !== 16)) {
    const lengths = `${first.length} and ${second.length} bytes`;
    throw new RangeError(`control message: addresses of ${lengths}, expected twice 4 or twice 16`);
  }
  return first.length === 4 ? 4 : 6;
}

export function putId(writer: ByteWriter, at: number, id: HandoffId): void {
  writer.view.setUint32(at + wire.ID_RUN, id.run);
  writer.view.setUint32(at + wire.ID_COUNTER, id.counter);
}

/** Throws RangeError for addresses of two families. */
export function putTuple(writer: ByteWriter, at: number, tuple: Tuple): void {
  writer.bytes[at + wire.TUPLE_FAMILY] = familyOf(tuple.client, tuple.vip);
  writer.bytes.set(tuple.client, at + wire.TUPLE_CLIENT);
  writer.bytes.set(tuple.vip, at + wire.TUPLE_VIP);
  writer.view.setUint16(at + wire.TUPLE_CLIENT_PORT, tuple.clientPort);
  writer.view.setUint16(at + wire.TUPLE_VIP_PORT, tuple.vipPort);
}
