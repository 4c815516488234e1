import type { Random } from '../../src/lab/random.ts';
import {
  expected,
  headerSize,
  randomConnection,
  randomOptions,
  randomPacket,
  type Connection,
  type Direction,
  type ModelPacket,
} from './rewrite-model.ts';

/** A packet of the connection's client on port 50000, or of its server to a client's port 443. */
export function makePacket(
  random: Random,
  connection: Connection,
  direction: Direction,
): ModelPacket {
  const { six } = connection;
  const other = randomConnection(random);
  const far = six === other.six ? other.local : random.bytes(six ? 16 : 4);
  return direction === 'client'
    ? randomPacket(
        random,
        six,
        [connection.server, far],
        [connection.serverPort, 443],
        randomOptions(random),
      )
    : randomPacket(
        random,
        six,
        [far, connection.local],
        [50000, connection.localPort],
        randomOptions(random),
      );
}

/** Makes the result's checksum sum to the other zero: the last word takes up what is missing. */
export function aimAtZero(packet: ModelPacket, connection: Connection, direction: Direction): void {
  if (packet.partial || packet.bytes.length % 2 !== 0) return;
  const at = packet.bytes.length - 2;
  if (at < headerSize(packet.six) + (packet.bytes[headerSize(packet.six) + 12]! >> 4) * 4) return;
  packet.bytes.fill(0, at);
  const result = expected(packet, connection, direction);
  const field = headerSize(packet.six) + 16;
  packet.bytes.set(result.subarray(field, field + 2), at);
}

const IDENTIFICATION = 4;
const HEADER_CHECKSUM = 10;

/** Makes the result's IPv4 header sum to the other zero, by its identification. */
export function aimHeaderAtZero(
  packet: ModelPacket,
  connection: Connection,
  direction: Direction,
): void {
  if (packet.six) return;
  const { bytes } = packet;
  bytes.fill(0, IDENTIFICATION, IDENTIFICATION + 2);
  const result = expected(packet, connection, direction);
  bytes.set(result.subarray(HEADER_CHECKSUM, HEADER_CHECKSUM + 2), IDENTIFICATION);
}

/** Makes the sum of a partial result's pseudo header 0xffff, by the end of the client's address. */
export function aimPartialAtZero(
  packet: ModelPacket,
  connection: Connection,
  direction: Direction,
): void {
  if (!packet.partial) return;
  const { bytes, six } = packet;
  const ends = six ? [22, 38] : [14, 18];
  const at = ends[direction === 'client' ? 1 : 0]!;
  bytes.fill(0, at, at + 2);
  const result = new DataView(expected(packet, connection, direction).buffer);
  const sum = result.getUint16(headerSize(six) + 16);
  new DataView(bytes.buffer).setUint16(at, 0xffff - sum);
}
