import { TCP_ACK, TCP_FIN, TCP_PSH } from '../../../assembly/wire/tcp.ts';
import { VNET_SIZE } from '../../../assembly/layout.ts';
import { buildPacket } from '../../packet/build.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { advance } from '../../packet/sequence.ts';
import type { HeldPacket } from '../opening.ts';

/** Fits every path that a segment of the client fits, with options. */
const PIECE = 1200;

export type Segment = Pick<
  TcpPacket,
  | 'source'
  | 'destination'
  | 'sourcePort'
  | 'destinationPort'
  | 'sequence'
  | 'acknowledgment'
  | 'window'
  | 'options'
  | 'payload'
>;

/** A segment of the client over again, cut into packets that no worker has counted. */
export function packetsOf(segment: Segment, hasFin = false): HeldPacket[] {
  const { payload } = segment;
  const { timestamps } = segment.options;
  const packets: HeldPacket[] = [];
  const count = Math.max(Math.ceil(payload.length / PIECE), hasFin ? 1 : 0);
  for (let piece = 0; piece < count; piece += 1) {
    const from = piece * PIECE;
    const isLast = piece === count - 1;
    const packet = buildPacket({
      source: segment.source,
      destination: segment.destination,
      sourcePort: segment.sourcePort,
      destinationPort: segment.destinationPort,
      sequence: advance(segment.sequence, from),
      acknowledgment: segment.acknowledgment,
      flags: TCP_ACK | (isLast ? TCP_PSH : 0) | (isLast && hasFin ? TCP_FIN : 0),
      window: segment.window,
      options: timestamps ? { timestamps } : {},
      payload: payload.subarray(from, from + PIECE),
    });
    packets.push({ packet, vnet: new Uint8Array(VNET_SIZE), counted: false });
  }
  return packets;
}
