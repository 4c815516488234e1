import { TCP_ACK, TCP_RST } from '../../assembly/wire/tcp.ts';
import type { TcpPacket } from '../packet/read.ts';
import { advance, distance } from '../packet/sequence.ts';
import { probeSegment, resetSegment } from './segments.ts';
import type { KernelEnds } from './segments.ts';

const RETRY_MS = [100, 200, 400, 800];
/** Acknowledgment numbers of the probes: a kernel without a socket repeats that in its RST. */
const BEFORE_RESETS = 0;
const AFTER_RESETS = 1;

/**
 * Ends the kernel's socket of one connection without a packet to the client: a reset takes effect only
 * at exactly RCV.NXT (RFC 5961 section 3.2), which an old segment makes the kernel tell. It is dead when
 * it answers with RST; by then everything it sent before has been seen, since both ways keep order.
 */
export class Kill {
  readonly ends: KernelEnds;
  readonly clientIsn: number;
  /** the kernel has answered with RST, or nothing for all tries */
  over = false;
  /** it was over because the kernel said so */
  confirmed = false;
  /** bytes from clientIsn + 1 on that the kernel acknowledged while it was being killed */
  acknowledged = 0;
  /** the kernel told what it had got before the first reset: `acknowledged`, or that it had no socket */
  known = false;
  #guesses: number[];
  #try = 0;
  #retryMs = 0;

  /** `guesses`: where RCV.NXT of the kernel may be */
  constructor(ends: KernelEnds, clientIsn: number, guesses: number[]) {
    this.ends = ends;
    this.clientIsn = clientIsn;
    this.#guesses = guesses;
  }

  /** A probe before the resets tells what the kernel has got, one behind them whether it is gone. */
  start(nowMs: number): Uint8Array[] {
    this.#retryMs = nowMs + (RETRY_MS[this.#try] ?? 0);
    this.#try += 1;
    const first = this.#probe(this.#try === 1 ? BEFORE_RESETS : AFTER_RESETS);
    const resets = this.#guesses.map((at) => resetSegment(this.ends, at));
    return [first, ...resets, this.#probe(AFTER_RESETS)];
  }

  fromKernel(segment: TcpPacket): Uint8Array[] {
    if ((segment.flags & TCP_RST) !== 0) {
      this.over = true;
      this.confirmed = true;
      if ((segment.flags & TCP_ACK) !== 0) this.#count(segment.acknowledgment);
      else if (segment.sequence === BEFORE_RESETS) this.known = true;
      return [];
    }
    if ((segment.flags & TCP_ACK) === 0) return [];
    const next = segment.acknowledgment;
    this.#count(next);
    if (this.#guesses.includes(next)) return [];
    this.#guesses.push(next);
    return [resetSegment(this.ends, next), this.#probe(AFTER_RESETS)];
  }

  time(nowMs: number): Uint8Array[] {
    if (this.over || nowMs < this.#retryMs) return [];
    if (this.#try === RETRY_MS.length) {
      this.over = true;
      return [];
    }
    return this.start(nowMs);
  }

  #count(acknowledgment: number): void {
    const count = distance(acknowledgment, advance(this.clientIsn, 1));
    this.acknowledged = Math.max(this.acknowledged, count);
    this.known = true;
  }

  #probe(acknowledgment: number): Uint8Array {
    return probeSegment(this.ends, this.clientIsn, acknowledgment, true);
  }
}
