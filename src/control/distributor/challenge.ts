import * as L from '../../../assembly/layout.ts';
import { TCP_SYN } from '../../../assembly/wire/tcp.ts';
import type { TcpPacket } from '../../packet/read.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { acknowledge } from './answer.ts';

/** Between such answers of one connection, as Linux has it (tcp_invalid_ratelimit). */
const INTERVAL_MS = 500;

/**
 * Answers a segment that was thrown away. A limit for all connections together would tell an attacker
 * of other connections (CVE-2016-5696), so each has its own; it stands in the record, since a
 * connection without a request is no object.
 */
export function challenge(
  state: SwitchState,
  opening: Opening,
  packet: TcpPacket,
  kind: 'repeat' | 'challenge',
  nowMs: number,
): void {
  // a segment with data makes no loop of ACKs; what must not be answered often is what RFC 5961 names
  const isFree = kind === 'repeat' && packet.payload.length > 0 && (packet.flags & TCP_SYN) === 0;
  if (!isFree && !mayAnswer(state, opening.entry, nowMs)) {
    state.figures.challengesSpared += 1;
    return;
  }
  acknowledge(state, opening);
}

function mayAnswer({ connections }: SwitchState, entry: number, nowMs: number): boolean {
  const at = connections.recordAddress(entry) + L.RECORD_CHALLENGED;
  const lastMs = connections.view.getFloat64(at, true);
  if (lastMs !== 0 && nowMs - lastMs < INTERVAL_MS) return false;
  connections.view.setFloat64(at, nowMs, true);
  return true;
}
