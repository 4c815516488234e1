// What stands in many bodies.
import type { ByteReader } from './bytes.ts';
import type { Address, Agreed, HandoffId, Tuple } from './messages.ts';
import * as wire from './wire.ts';

/** The address at `at`, copied; undefined when the family is neither 4 nor 6. */
export function addressAt(reader: ByteReader, at: number, familyAt: number): Address | undefined {
  const family = reader.bytes[familyAt];
  if (family !== 4 && family !== 6) return undefined;
  return reader.bytes.slice(at, at + (family === 4 ? 4 : 16));
}

export function idAt(reader: ByteReader, at: number): HandoffId {
  return {
    run: reader.view.getUint32(at + wire.ID_RUN),
    counter: reader.view.getUint32(at + wire.ID_COUNTER),
  };
}

export function tupleAt(reader: ByteReader, at: number): Tuple | undefined {
  const client = addressAt(reader, at + wire.TUPLE_CLIENT, at + wire.TUPLE_FAMILY);
  const vip = addressAt(reader, at + wire.TUPLE_VIP, at + wire.TUPLE_FAMILY);
  if (!client || !vip) return undefined;
  return {
    client,
    clientPort: reader.view.getUint16(at + wire.TUPLE_CLIENT_PORT),
    vip,
    vipPort: reader.view.getUint16(at + wire.TUPLE_VIP_PORT),
  };
}

/** The options that were agreed with a client, of HANDOFF_FLAG_*. */
export function optionsOf(flags: number): Pick<Agreed, 'sack' | 'timestamps'> {
  return {
    sack: (flags & wire.HANDOFF_FLAG_SACK) !== 0,
    timestamps: (flags & wire.HANDOFF_FLAG_TIMESTAMPS) !== 0,
  };
}
