import type { TcpOptions } from '../../../src/packet/read.ts';
import { Reassembly } from './reassembly.ts';
import { Sender } from './sender.ts';
import { Deadline } from './timer.ts';
import type { Kernel } from './kernel.ts';
import { INVALID_RATE_MS } from './options.ts';
import { ACK, FIN, PSH, RST, type Ends, type State } from './words.ts';

/** What the application is told; called after the segment was worked off. */
export interface SocketEvents {
  connected?(): void;
  readable?(): void;
  /** the peer's FIN arrived: no more bytes will come */
  ended?(): void;
  /** the connection broke: RST, timeout, refused */
  failed?(reason: string): void;
}

/** What the handshake agreed on. */
export interface Agreement {
  iss: number;
  irs: number;
  mss: number;
  sack: boolean;
  timestamps: boolean;
  timestampRecent: number;
  /** window scales, 0 without the option */
  sendScale: number;
  receiveScale: number;
  /** the window that the peer's last handshake segment gave, in bytes */
  window: number;
}

const QUICK_ACKS = 16;

/** A synchronized connection (RFC 9293 from ESTABLISHED on) in a simulated kernel. */
export class Socket {
  state: State = 'ESTABLISHED';
  readonly kernel: Kernel;
  readonly ends: Ends;
  readonly agreement: Agreement;
  readonly sender: Sender;
  readonly received = new Reassembly(1);
  events: SocketEvents = {};
  timestampRecent: number;
  /** offsets: `next` when the last ACK left, the right edge promised by it */
  acknowledged = 1;
  rightEdge: number;
  windowSequence = 0;
  finReceived = false;
  isOrphan = false;
  invalidAnsweredMs = -Infinity;
  quickAcks = QUICK_ACKS;
  /** RFC 2883: the range that came twice, told in the next ACK */
  duplicate: [number, number] | undefined;
  readonly delayedAck: Deadline;
  private readonly finWait: Deadline;

  constructor(kernel: Kernel, ends: Ends, agreement: Agreement) {
    this.kernel = kernel;
    this.ends = ends;
    this.agreement = agreement;
    this.timestampRecent = agreement.timestampRecent;
    this.rightEdge = 1 + Math.min(65535, kernel.options.receiveBuffer);
    const mss = agreement.mss - (agreement.timestamps ? 12 : 0);
    this.sender = new Sender(kernel.clock, kernel.options, mss, agreement.sack, {
      emit: (start, bytes, hasFin) =>
        this.emit(start, (hasFin ? FIN : 0) | ACK | (bytes.length > 0 ? PSH : 0), bytes),
      probe: () => this.emit(this.sender.una - 1, ACK),
      giveUp: () => this.fail('timed out'),
    });
    this.sender.setWindow(agreement.window);
    this.delayedAck = new Deadline(kernel.clock, () => this.acknowledge());
    this.finWait = new Deadline(kernel.clock, () => this.destroy());
  }

  /** Bytes received in order since the last call. */
  read(): Uint8Array {
    const bytes = this.received.read();
    // RFC 9293 3.8.6.2.2: a window update when it grew enough to matter
    const free = this.received.next + this.free - this.rightEdge;
    if (bytes.length > 0 && free >= Math.min(this.kernel.options.receiveBuffer / 2, 2 * 1460)) {
      this.acknowledge();
    }
    return bytes;
  }

  send(bytes: Uint8Array): void {
    if (this.state !== 'ESTABLISHED' && this.state !== 'CLOSE-WAIT') return;
    this.sender.buffer.append(bytes);
    this.quickAcks = 0;
    this.sender.transmit();
  }

  /** FIN after what was sent; reading goes on. */
  shutdown(): void {
    if (this.state === 'ESTABLISHED') this.state = 'FIN-WAIT-1';
    else if (this.state === 'CLOSE-WAIT') this.state = 'LAST-ACK';
    else return;
    this.sender.queueFin();
    this.sender.transmit();
  }

  /** The application is done: unread bytes answer with RST, as Linux does. */
  close(): void {
    if (this.state === 'CLOSED' || this.isOrphan) return;
    this.isOrphan = true;
    this.events = {};
    this.sender.limit = this.kernel.options.orphanRetries;
    if (this.received.readableBytes > 0) {
      this.abort();
      return;
    }
    this.shutdown();
    if (this.state === 'FIN-WAIT-2') this.finWait.setAfter(this.kernel.options.finWait2Ms);
  }

  /** RST, and nothing is left. */
  abort(): void {
    if (this.state === 'CLOSED') return;
    this.emit(this.sender.next, RST | ACK);
    this.destroy();
  }

  fail(reason: string): void {
    const { events } = this;
    this.destroy();
    events.failed?.(reason);
  }

  /** Silent end. */
  destroy(): void {
    this.state = 'CLOSED';
    this.events = {};
    this.sender.dispose();
    this.delayedAck.dispose();
    this.finWait.dispose();
    this.kernel.forget(this);
  }

  enterFinWait2(): void {
    this.state = 'FIN-WAIT-2';
    if (this.isOrphan) this.finWait.setAfter(this.kernel.options.finWait2Ms);
  }

  enterTimeWait(): void {
    const { kernel } = this;
    this.destroy();
    kernel.holdTimeWait(this);
  }

  acknowledge(): void {
    if (this.state !== 'CLOSED') this.emit(this.sender.next, ACK);
  }

  /** An ACK for a segment that cannot be right, rate limited (RFC 5961 section 10). */
  challenge(isLimited = true): void {
    const { nowMs } = this.kernel.clock;
    if (isLimited) {
      if (nowMs - this.invalidAnsweredMs < INVALID_RATE_MS) return;
      this.invalidAnsweredMs = nowMs;
    }
    this.acknowledge();
  }

  get free(): number {
    return Math.max(0, this.kernel.options.receiveBuffer - this.received.readableBytes);
  }

  private emit(start: number, flags: number, payload?: Uint8Array): void {
    const { agreement, received } = this;
    const edge = received.next + this.free;
    const scale = agreement.receiveScale;
    const promised = Math.max(edge, this.rightEdge) - received.next;
    const field = Math.min(65535, promised >> scale);
    this.rightEdge = Math.max(this.rightEdge, received.next + (field << scale));
    this.acknowledged = received.next + (this.finReceived ? 1 : 0);
    this.delayedAck.clear();
    this.kernel.send(this.ends, {
      sequence: (agreement.iss + start) >>> 0,
      acknowledgment: (agreement.irs + this.acknowledged) >>> 0,
      flags,
      window: field,
      options: (flags & RST) !== 0 ? this.timestamp() : this.options(),
      payload,
    });
    this.duplicate = undefined;
  }

  private timestamp(): TcpOptions {
    if (!this.agreement.timestamps) return {};
    const value = this.kernel.timestampFor(this.ends);
    return { timestamps: { value, echo: this.timestampRecent } };
  }

  private options(): TcpOptions {
    const options = this.timestamp();
    if (!this.agreement.sack || (!this.received.hasHole && !this.duplicate)) return options;
    const blocks = this.received.blocks(this.duplicate ? 2 : 3);
    if (this.duplicate) blocks.unshift(this.duplicate);
    options.sack = blocks.map(([left, right]) => [
      (this.agreement.irs + left) >>> 0,
      (this.agreement.irs + right) >>> 0,
    ]);
    return options;
  }
}
