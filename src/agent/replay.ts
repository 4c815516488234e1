import { SCALE_NONE } from '../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { Handoff } from '../channel/messages.ts';
import type { TcpPacket } from '../packet/read.ts';
import { advance, distance } from '../packet/sequence.ts';
import { dataSegment, resetSegment, synSegment, unscaledWindow } from './segments.ts';
import type { KernelEnds } from './segments.ts';

const SYN_RETRY_MS = 200;
const DATA_RETRY_MS = 100;
/** Answers to packets sent before the last reset are still on their way for that long. */
const SETTLE_MS = 50;
const SEGMENT_BYTES = 1400;
const TIMESTAMPS_BYTES = 12;
/** A reset of the kernel lies at most that far behind its ISN during a replay. */
const RESET_RANGE = 1 << 20;

const NOTHING: Uint8Array = new Uint8Array(0);

export type ReplayOutcome = 'pending' | 'ready' | 'refused' | 'expired';

export interface ReplayStep {
  /** into the kernel, in this order */
  packets: Uint8Array[];
  outcome: ReplayOutcome;
  /** the packet that was looked at is one that the client must get */
  keep: boolean;
}

/** What the kernel chose for its half of the connection. */
export interface KernelHalf {
  isn: number;
  /** it takes windows as scaled, the client's and its own */
  scales: boolean;
  /** its window scale; 0 when it does not scale */
  scale: number;
  /** TSval of its SYN-ACK; null without timestamps */
  timestamp: number | null;
}

/**
 * Gives one connection to the server's kernel: SYN twice, then ACK and the handed bytes until the kernel
 * has acknowledged all of them; without bytes it is ready when the ACK was sent. A connection that is
 * handed over with its SYN is ready with the kernel's SYN-ACK.
 *
 * The second SYN makes the kernel count its SYN-ACK as retransmitted, so it takes no round trip sample
 * from the handshake (Karn; RFC 6298 section 3). A SYN-ACK proves nothing: a full accept queue sends
 * it and drops the data, hence the repetition until an acknowledgment came.
 */
export class Replay {
  readonly ends: KernelEnds;
  /** as the kernel gets it: with what goes ahead */
  readonly handoff: Handoff;
  readonly #aheadBytes: number;
  readonly deadlineMs: number;
  /** null until the SYN-ACK came */
  kernel: KernelHalf | null = null;
  /** how many bytes of those the kernel has acknowledged */
  acknowledged = 0;
  #retryMs = 0;
  #settledMs = 0;
  #segmentBytes = SEGMENT_BYTES;

  /**
   * `ahead`: bytes before the client's first one. They have the numbers before the client's, so that all
   * of the client's own bytes keep theirs.
   */
  constructor(ends: KernelEnds, handoff: Handoff, deadlineMs: number, ahead = NOTHING) {
    this.ends = ends;
    this.handoff = withAhead(handoff, ahead);
    this.deadlineMs = deadlineMs;
    this.#aheadBytes = ahead.length;
  }

  /** How many of the client's bytes the kernel has acknowledged. */
  get delivered(): number {
    return Math.max(0, this.acknowledged - this.#aheadBytes);
  }

  /** Where the kernel's RCV.NXT may be. */
  get guesses(): number[] {
    return [this.#firstByte(), advance(this.#firstByte(), this.acknowledged)];
  }

  start(nowMs: number): Uint8Array[] {
    this.#retryMs = nowMs + SYN_RETRY_MS;
    const syn = synSegment(this.ends, this.handoff);
    // the client itself answers the SYN-ACK: that round trip is a true one
    return this.handoff.bySyn ? [syn] : [syn, syn];
  }

  time(nowMs: number): ReplayStep {
    if (nowMs >= this.deadlineMs) return step('expired');
    if (nowMs < this.#retryMs) return step('pending');
    return step('pending', this.kernel ? this.#data(this.kernel, nowMs) : this.start(nowMs));
  }

  fromKernel(segment: TcpPacket, nowMs: number): ReplayStep {
    if ((segment.flags & TCP_RST) !== 0) return this.#reset(segment);
    if ((segment.flags & TCP_ACK) === 0) return step('pending');
    if ((segment.flags & TCP_SYN) !== 0) return this.#synAck(segment, nowMs);
    return this.kernel ? this.#acknowledgment(segment) : this.#oldSocket(segment, nowMs);
  }

  /** A reset that answers a probe of the tuple's former connection must not end this one. */
  #reset(segment: TcpPacket): ReplayStep {
    if (this.kernel) {
      // that of a socket which took the data says so, one to a segment without a socket has no ACK
      if ((segment.flags & TCP_ACK) !== 0) this.#count(segment.acknowledgment);
      const behind = distance(segment.sequence, this.kernel.isn);
      return step(behind >= 0 && behind < RESET_RANGE ? 'refused' : 'pending');
    }
    const answersSyn =
      (segment.flags & TCP_ACK) !== 0 && segment.acknowledgment === this.#firstByte();
    return step(answersSyn ? 'refused' : 'pending');
  }

  #synAck(segment: TcpPacket, nowMs: number): ReplayStep {
    if (segment.acknowledgment !== this.#firstByte()) return this.#oldSocket(segment, nowMs);
    if (this.kernel && this.#isKnown(this.kernel, segment)) return step('pending');
    const { handoff } = this;
    const offered = handoff.clientScale !== SCALE_NONE;
    const scale = offered ? segment.options.windowScale : undefined;
    const timestamps = handoff.timestamps ? segment.options.timestamps : undefined;
    this.kernel = {
      isn: segment.sequence,
      scales: scale !== undefined,
      scale: scale ?? 0,
      timestamp: timestamps ? timestamps.value : null,
    };
    const mss = segment.options.mss ?? 536;
    this.#segmentBytes = Math.min(SEGMENT_BYTES, mss - (timestamps ? TIMESTAMPS_BYTES : 0));
    if (handoff.bySyn) return step('ready');
    const outcome = handoff.bytes.length === 0 ? 'ready' : 'pending';
    return step(outcome, this.#data(this.kernel, nowMs));
  }

  /** The answer to the second SYN, or a repetition; with another ISN the kernel has begun anew. */
  #isKnown(kernel: KernelHalf, segment: TcpPacket): boolean {
    return segment.sequence === kernel.isn || this.acknowledged > 0;
  }

  #acknowledgment(segment: TcpPacket): ReplayStep {
    const { bytes } = this.handoff;
    const count = this.#count(segment.acknowledgment);
    const keep = count > 0 || segment.payload.length > 0 || (segment.flags & TCP_FIN) !== 0;
    return step(this.acknowledged === bytes.length ? 'ready' : 'pending', [], keep);
  }

  /** Handed bytes up to that number; notes them. */
  #count(acknowledgment: number): number {
    const count = distance(acknowledgment, this.#firstByte());
    if (count > this.acknowledged) {
      this.acknowledged = Math.min(count, this.handoff.bytes.length);
    }
    return count;
  }

  /**
   * The tuple's former connection is still there, alive or in TIME-WAIT, and answered the SYN with the
   * number it waits for: that is where a reset ends it (RFC 5961 section 4.2).
   */
  #oldSocket(segment: TcpPacket, nowMs: number): ReplayStep {
    if (this.kernel || nowMs < this.#settledMs) return step('pending');
    this.#settledMs = nowMs + SETTLE_MS;
    const reset = resetSegment(this.ends, segment.acknowledgment);
    return step('pending', [reset, ...this.start(nowMs)]);
  }

  #firstByte(): number {
    return advance(this.handoff.clientIsn, 1);
  }

  /** The ACK of the handshake and every handed byte that is not acknowledged. */
  #data(kernel: KernelHalf, nowMs: number): Uint8Array[] {
    this.#retryMs = nowMs + DATA_RETRY_MS;
    const { handoff } = this;
    const { bytes } = handoff;
    const segment = (from: number, to: number) =>
      dataSegment(this.ends, {
        sequence: advance(this.#firstByte(), from),
        acknowledgment: advance(kernel.isn, 1),
        window: kernel.scales ? handoff.window : unscaledWindow(handoff),
        payload: bytes.subarray(from, to),
        push: to > from && to === bytes.length,
        timestamp: kernel.timestamp === null ? null : handoff.timestampRecent,
      });
    const packets = this.acknowledged === 0 ? [segment(0, 0)] : [];
    for (let at = this.acknowledged; at < bytes.length; at += this.#segmentBytes) {
      packets.push(segment(at, Math.min(at + this.#segmentBytes, bytes.length)));
    }
    return packets;
  }
}

function withAhead(handoff: Handoff, ahead: Uint8Array): Handoff {
  if (ahead.length === 0) return handoff;
  const bytes = Uint8Array.from([...ahead, ...handoff.bytes]);
  return { ...handoff, clientIsn: advance(handoff.clientIsn, -ahead.length), bytes };
}

function step(outcome: ReplayOutcome, packets: Uint8Array[] = [], keep = false): ReplayStep {
  return { packets, outcome, keep };
}
