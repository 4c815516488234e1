// One connection between two hosts: frames in and out, their numbers, the send queue, signs of
// life.
import type { Socket } from 'node:net';
import { decodeFrame, encodeMessage, splitMessage, stampFrame } from './codec.ts';
import { FrameCutter } from './framing.ts';
import { SentFrames, nextNumber } from './lease.ts';
import type { Message } from './messages.ts';

/** Bytes queued above which handoffs are refused, and above which all but hello and resync are. */
export const HANDOFF_QUEUE_LIMIT = 1 << 20;
export const QUEUE_LIMIT = 8 << 20;

export interface ChannelOptions {
  socket: Socket;
  /** monotonic ms */
  now: () => number;
  handoffQueueLimit?: number | undefined;
  take: (message: Message) => void;
  /** called once, with the reason in words */
  ended: (reason: string) => void;
}

export class Channel {
  readonly startedMs: number;
  readonly #socket: Socket;
  readonly #options: ChannelOptions;
  readonly #cutter = new FrameCutter();
  readonly #sent = new SentFrames();
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushing = false;
  #received = 0;
  #receivedMs: number;
  #sentMs: number;
  #over = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.startedMs = options.now();
    this.#receivedMs = this.startedMs;
    this.#sentMs = this.startedMs;
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Uint8Array) => this.#read(chunk));
    this.#socket.on('error', (error) => this.end(error.message));
    this.#socket.on('close', () => this.end('closed by the peer'));
  }

  /** Bytes that wait here, in this process. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  /** ms of the newest byte received */
  get receivedMs(): number {
    return this.#receivedMs;
  }

  get framesSent(): number {
    return this.#sent.newest;
  }

  get framesReceived(): number {
    return this.#received;
  }

  /**
   * Sending time of the newest acknowledged frame + `leaseMs`; 0 before the first acknowledgment.
   */
  leaseDeadlineMs(leaseMs: number): number {
    const sentMs = this.#sent.acknowledgedSentMs;
    return sentMs === undefined ? 0 : sentMs + leaseMs;
  }

  /** False when the queue is too long or the channel is over. Written at the end of this tick. */
  send(message: Message): boolean {
    if (this.#over) return false;
    const queued = this.queuedBytes;
    const limit = this.#options.handoffQueueLimit ?? HANDOFF_QUEUE_LIMIT;
    if (message.type === 'handoff' && queued + message.bytes.length > limit) return false;
    const bounded = message.type !== 'hello' && message.type !== 'resync';
    if (bounded && queued > QUEUE_LIMIT) return false;
    for (const part of splitMessage(message)) {
      const frame = encodeMessage(part);
      this.#queue.push(frame);
      this.#queuedBytes += frame.length;
    }
    if (!this.#flushing) {
      this.#flushing = true;
      queueMicrotask(() => this.#flush());
    }
    return true;
  }

  /** Says that this side lives when it has been quiet for `quietMs`. */
  keepAlive(quietMs: number): void {
    if (this.#options.now() - this.#sentMs >= quietMs) this.send({ type: 'ping' });
  }

  /** Ends it at once: nothing is read or written any more. */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#socket.destroy();
    this.#options.ended(reason);
  }

  /**
   * Writes what is queued, then closes, without calling `ended`. Resolves when the socket is gone.
   */
  finish(withinMs: number): Promise<void> {
    if (this.#socket.destroyed) return Promise.resolve();
    this.#flush();
    this.#over = true;
    return new Promise((resolve) => {
      const late = setTimeout(() => this.#socket.destroy(), withinMs);
      this.#socket.once('close', () => {
        clearTimeout(late);
        resolve();
      });
      this.#socket.resume();
      this.#socket.end();
    });
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#over || this.#queue.length === 0) return;
    const nowMs = this.#options.now();
    const frames = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#sentMs = nowMs;
    this.#socket.cork();
    for (const frame of frames) {
      stampFrame(frame, this.#sent.add(nowMs), this.#received);
      this.#socket.write(frame);
    }
    this.#socket.uncork();
  }

  #read(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#receivedMs = this.#options.now();
    this.#cutter.push(chunk, (bytes) => this.#frame(bytes));
    if (this.#cutter.error !== undefined) this.end(`sent ${this.#cutter.error}`);
  }

  #frame(bytes: Uint8Array): void {
    if (this.#over) return;
    const frame = decodeFrame(bytes);
    if ('error' in frame) return this.end(`sent ${frame.error}`);
    const expected = nextNumber(this.#received);
    if (frame.number !== expected) {
      return this.end(`sent frame ${frame.number}, expected was frame ${expected}`);
    }
    if (!this.#sent.acknowledge(frame.received)) {
      return this.end(`acknowledged frame ${frame.received}, which was never sent`);
    }
    this.#received = frame.number;
    this.#options.take(frame.message);
  }
}
