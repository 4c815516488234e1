import * as L from '../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST } from '../../../assembly/wire/tcp.ts';
import { buildPacket } from '../../packet/build.ts';
import type { TcpOptions } from '../../packet/read.ts';
import { advance } from '../../packet/sequence.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { nextExpected, windowLeft } from './handshake.ts';

const NO_BYTES = new Uint8Array(0);
const SACK_BLOCKS = 3;
/** The client would stall if its bytes were acknowledged later than this. */
const ACK_DELAY_MS = 40;

/** A segment to the client as its server: from the VIP. Options as negotiated, no clock of ours. */
export function answer(
  state: SwitchState,
  opening: Opening,
  segment: {
    flags: number;
    sequence: number;
    acknowledgment: number;
    payload?: Uint8Array;
    sack?: [number, number][];
  },
): void {
  const { tuple, client } = opening;
  const options: TcpOptions = {};
  if (client.timestamps && (segment.flags & TCP_RST) === 0) {
    options.timestamps = { value: client.timestampSwitch, echo: client.timestampRecent };
  }
  if (segment.sack && segment.sack.length > 0) options.sack = segment.sack;
  const packet = buildPacket({
    source: tuple.vip,
    destination: tuple.client,
    sourcePort: tuple.vipPort,
    destinationPort: tuple.clientPort,
    sequence: segment.sequence,
    acknowledgment: segment.acknowledgment,
    flags: segment.flags,
    window: windowField(opening),
    options,
    payload: segment.payload ?? NO_BYTES,
  });
  state.transmit({ worker: opening.worker, packet });
}

/** Rounded up: what was offered once is never taken back. */
function windowField(opening: Opening): number {
  const scaled = opening.client.scale !== L.SCALE_NONE;
  const shift = scaled ? opening.service.windowScale : 0;
  return Math.min(0xffff, Math.ceil(windowLeft(opening) / 2 ** shift));
}

/** The rest of a head must come: acknowledges what is here unless that is soon. */
export function acknowledgeSoon(state: SwitchState, opening: Opening, nowMs: number): void {
  opening.ackDueMs = nowMs + ACK_DELAY_MS;
  state.deadlines.add(opening, opening.ackDueMs);
}

/** Acknowledges everything that came in order, and says what lies beyond a hole. */
export function acknowledge(state: SwitchState, opening: Opening): void {
  const next = nextExpected(opening);
  opening.acked = next;
  opening.ackDueMs = Infinity;
  answer(state, opening, {
    flags: TCP_ACK,
    sequence: advance(opening.switchIsn, 1),
    acknowledgment: next,
    sack: opening.client.sack ? opening.gather.islands.slice(0, SACK_BLOCKS) : [],
  });
}
