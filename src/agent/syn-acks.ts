import * as L from '../../assembly/layout.ts';
import { TCP_ACK, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { PacketEvent } from '../event.ts';
import { buildPacket } from '../packet/build.ts';
import { readPacket } from '../packet/read.ts';
import type { TcpOptions, TcpPacket } from '../packet/read.ts';
import { advance } from '../packet/sequence.ts';
import type { Entries } from './entries.ts';
import type { Outbox } from './outbox.ts';
import { dataSegment } from './segments.ts';

/**
 * The server's kernel still waits for the ACK of a handshake whose replay is over. A client that was
 * answered by the switch knows nothing of that, so the ACK is ours: a kernel with a full accept queue
 * forgets it, and asks again. Otherwise the client gets the SYN-ACK.
 */
export function answerSynAck(
  { entries, outbox }: { entries: Entries; outbox: Outbox },
  { entry, packet }: Pick<PacketEvent, 'entry' | 'packet'>,
): void {
  const { connections } = entries;
  const state = connections.state(entry);
  // else it is being taken from the kernel
  if (state !== L.STATE_DRAINING && state !== L.STATE_FORWARD) return;
  const segment = readPacket(packet);
  if (!segment || (segment.flags & TCP_SYN) === 0) return;
  const bySyn = (connections.record8(entry, L.RECORD_OPTIONS) & L.OPTION_BY_SYN) !== 0;
  const answer = bySyn ? synAckToClient(entries, entry, segment) : ackToKernel(entries, entry);
  outbox.transmit(connections.worker(entry), [answer]);
}

/**
 * As the switch would send it: its sequence number tells the switch that the client got it, and is what
 * the client's connection goes on with if another server must take it over. What the kernel did not
 * offer is not offered.
 */
function synAckToClient(entries: Entries, entry: number, kernel: TcpPacket): Uint8Array {
  const { connections } = entries;
  const { client, clientPort, vip, vipPort } = entries.tuple(entry);
  const { mss, sackPermitted, timestamps, windowScale } = kernel.options;
  const options: TcpOptions = {};
  if (mss !== undefined) options.mss = mss;
  if (sackPermitted) options.sackPermitted = true;
  if (timestamps) options.timestamps = timestamps;
  if (windowScale !== undefined) {
    options.windowScale = connections.entry8(entry, L.ENTRY_SWITCH_SCALE);
  }
  return buildPacket({
    source: vip,
    sourcePort: vipPort,
    destination: client,
    destinationPort: clientPort,
    sequence: connections.record32(entry, L.RECORD_SWITCH_ISN),
    acknowledgment: advance(connections.record32(entry, L.RECORD_CLIENT_ISN), 1),
    flags: TCP_SYN | TCP_ACK,
    window: kernel.window,
    options,
  });
}

function ackToKernel(entries: Entries, entry: number): Uint8Array {
  const { connections } = entries;
  const stamped = (connections.flags(entry) & L.FLAG_TIMESTAMPS) !== 0;
  return dataSegment(entries.ends(entry), {
    sequence: advance(connections.record32(entry, L.RECORD_CLIENT_ISN), 1),
    acknowledgment: advance(connections.record32(entry, L.RECORD_SERVER_ISN), 1),
    window: connections.record16(entry, L.RECORD_CLIENT_WINDOW),
    payload: new Uint8Array(0),
    push: false,
    timestamp: stamped ? connections.record32(entry, L.RECORD_TIMESTAMP_RECENT) : null,
  });
}
