import { TCP_ACK, TCP_RST, TCP_SYN } from '../../../assembly/wire/tcp.ts';
import type { PacketEvent } from '../../event.ts';
import type { TcpPacket } from '../../packet/read.ts';
import { advance, distance } from '../../packet/sequence.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { takeBack } from './handoff.ts';
import { hold } from './held.ts';
import { abandon } from './refuse.ts';

/** Bytes that a server sends before its client's first ACK. */
const FIRST_FLIGHT = 65535;

/** A packet of the client while a server is asked. */
export function handingSegment(
  state: SwitchState,
  opening: Opening,
  packet: TcpPacket,
  event: PacketEvent,
  nowMs: number,
): void {
  const isReset = (packet.flags & TCP_RST) !== 0;
  if (isReset && packet.sequence === opening.handing!.clientNext) {
    takeBack(state, opening, nowMs);
    return abandon(state, opening, nowMs);
  }
  const handing = opening.handing!;
  if (opening.bySyn && answersSynAck(opening, packet)) handing.proven = true;
  // any other RST is for the server's kernel to judge
  hold(state, opening, packet, event);
}

/** It acknowledges the number that the server's SYN-ACK has. */
function answersSynAck(opening: Opening, { flags, acknowledgment }: TcpPacket): boolean {
  if ((flags & (TCP_ACK | TCP_SYN | TCP_RST)) !== TCP_ACK) return false;
  const ahead = distance(acknowledgment, advance(opening.switchIsn, 1));
  return ahead >= 0 && ahead <= FIRST_FLIGHT;
}
