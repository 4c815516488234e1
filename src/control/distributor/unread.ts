// Connections of which nothing is read (protocol tcp): handed over with their SYN, or with the ACK that
// completes their handshake with the switch.
import { TCP_FIN, TCP_RST, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import type { PacketEvent } from '../../event.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { NO_REQUEST } from '../opening.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { removeEntry } from '../switch/update.ts';
import { handingSegment } from './handing-segment.ts';
import { beginHanding } from './handoff.ts';

/** Chooses a server by who the client is, and keeps what the packet brought for it. */
export function openUnread(
  state: SwitchState,
  opening: Opening,
  packet: TcpPacket,
  event: PacketEvent,
  nowMs: number,
): void {
  if ((packet.flags & TCP_RST) !== 0) {
    state.figures.abandoned += 1;
    state.fronts.ended(state, opening.entry, nowMs);
    removeEntry(state, opening.entry, opening.id);
    return;
  }
  beginUnread(state, opening, nowMs);
  const brings = packet.payload.length > 0 || (packet.flags & TCP_FIN) !== 0;
  const isSyn = (packet.flags & TCP_SYN) !== 0;
  if (opening.phase === 'handing' && brings && !isSyn) {
    handingSegment(state, opening, packet, event, nowMs);
  }
}

/** Also without a packet: what a worker could not queue is found by the sweep. */
export function beginUnread(state: SwitchState, opening: Opening, nowMs: number): void {
  state.openings.set(opening.entry, opening);
  const target = state.hash(opening.tuple.client);
  const pool = opening.service.rules.otherwise;
  const choice = { ...NO_REQUEST, pool, target, targetHash: target, keys: [], remember: null };
  beginHanding(state, opening, choice, nowMs);
}
