import type { TcpPacket } from '../../../src/packet/read.ts';
import { promote, deliverFirst, type Request } from './handshake.ts';
import type { Kernel } from './kernel.ts';
import { INITIAL_RTO_MS, INVALID_RATE_MS } from './options.ts';
import type { Socket } from './socket.ts';
import { Deadline } from './timer.ts';
import { ACK, FIN, RST, SYN, endsKey, type Ends } from './words.ts';

export interface ListenOptions {
  /** listen(2)'s backlog: Linux holds one more */
  backlog: number;
  /** TCP_DEFER_ACCEPT, as a number of SYN-ACK timeouts; 0 = off */
  deferTimeouts: number;
  /** called when the accept queue is no longer empty */
  acceptable?: () => void;
}

/** A listening port: its requests (SYN-RECEIVED) and its accept queue, full or not as on Linux. */
export class Listener {
  readonly requests = new Map<string, Request>();
  readonly queue: Socket[] = [];
  overflows = 0;
  isClosed = false;
  private readonly kernel: Kernel;
  private readonly options: ListenOptions;

  constructor(kernel: Kernel, options: ListenOptions) {
    this.kernel = kernel;
    this.options = options;
  }

  accept(): Socket | undefined {
    return this.queue.shift();
  }

  get isFull(): boolean {
    return this.queue.length > this.options.backlog;
  }

  close(): void {
    this.isClosed = true;
    for (const request of this.requests.values()) request.timer.dispose();
    this.requests.clear();
    for (const socket of this.queue) socket.abort();
    this.queue.length = 0;
  }

  /** A segment that belongs to no socket; `iss` is given when a SYN ended a TIME-WAIT. */
  receive(ends: Ends, packet: TcpPacket, iss?: number): void {
    const key = endsKey(ends);
    const request = this.requests.get(key);
    if (request) {
      this.receiveForRequest(key, request, packet);
      return;
    }
    const { flags } = packet;
    if ((flags & RST) !== 0) return;
    if ((flags & ACK) !== 0) this.kernel.reset(packet);
    else if ((flags & SYN) !== 0 && (flags & FIN) === 0) this.open(key, ends, packet, iss);
  }

  private open(key: string, ends: Ends, syn: TcpPacket, iss: number | undefined): void {
    // without SYN cookies Linux drops a SYN when either queue is full
    if (this.isFull || this.requests.size > this.options.backlog) {
      this.overflows += 1;
      return;
    }
    const request: Request = {
      ends: { ...ends, local: ends.local.slice(), remote: ends.remote.slice() },
      iss: iss ?? this.kernel.initialSequence(ends),
      syn: { ...syn, options: { ...syn.options }, payload: new Uint8Array(0) },
      timestampRecent: syn.options.timestamps?.value ?? 0,
      wasAcknowledged: false,
      timeouts: 0,
      answeredMs: -Infinity,
      firstStamp: this.kernel.timestampFor(ends),
      lastStamp: this.kernel.timestampFor(ends),
      timer: new Deadline(this.kernel.clock, () => this.timeout(key, request)),
    };
    this.requests.set(key, request);
    this.answer(request);
    request.timer.setAfter(INITIAL_RTO_MS);
  }

  private answer(request: Request): void {
    request.lastStamp = this.kernel.timestampFor(request.ends);
    this.kernel.send(request.ends, {
      sequence: request.iss,
      acknowledgment: (request.syn.sequence + 1) >>> 0,
      flags: SYN | ACK,
      window: Math.min(65535, this.kernel.options.receiveBuffer),
      options: this.kernel.synOptions(request.ends, request.timestampRecent, request.syn.options),
    });
  }

  private timeout(key: string, request: Request): void {
    request.timeouts += 1;
    if (request.timeouts > this.kernel.options.synAckRetries) {
      this.drop(key, request);
      return;
    }
    const { deferTimeouts } = this.options;
    // inet_csk syn_ack_recalc(): a deferred, acknowledged request is quiet until its last timeout
    const isQuiet =
      request.wasAcknowledged && deferTimeouts > 0 && request.timeouts < deferTimeouts - 1;
    if (!isQuiet) this.answer(request);
    request.timer.setAfter(INITIAL_RTO_MS * 2 ** request.timeouts);
  }

  private drop(key: string, request: Request): void {
    request.timer.dispose();
    this.requests.delete(key);
  }

  /** tcp_check_req() of Linux */
  private receiveForRequest(key: string, request: Request, packet: TcpPacket): void {
    const { flags } = packet;
    const offset = (packet.sequence - request.syn.sequence) | 0;
    const control = flags & (SYN | ACK | RST | FIN);
    const stamp = request.syn.options.timestamps ? packet.options.timestamps : undefined;
    const isOld = stamp !== undefined && ((request.timestampRecent - stamp.value) | 0) > 0;
    if (control === SYN && offset === 0 && !isOld) {
      if (this.mayAnswer(request)) this.answer(request);
      return;
    }
    if ((flags & ACK) !== 0 && packet.acknowledgment !== (request.iss + 1) >>> 0) {
      if ((flags & RST) === 0) this.kernel.reset(packet);
      return;
    }
    if (isOld || this.isEchoWrong(request, stamp?.echo ?? 0) || offset < 1 || offset > 65535) {
      if ((flags & RST) === 0 && this.mayAnswer(request)) this.acknowledge(request);
      return;
    }
    if ((flags & (RST | SYN)) !== 0) {
      if ((flags & RST) === 0) this.kernel.reset(packet);
      this.drop(key, request);
      return;
    }
    if ((flags & ACK) !== 0) this.complete(key, request, packet);
  }

  private complete(key: string, request: Request, packet: TcpPacket): void {
    const isBare = packet.payload.length === 0 && (packet.flags & FIN) === 0;
    if (isBare && request.timeouts < this.options.deferTimeouts) {
      request.wasAcknowledged = true;
      return;
    }
    if (this.isFull) {
      this.overflows += 1;
      request.wasAcknowledged = true; // ACK and data are dropped; the client repeats
      return;
    }
    this.drop(key, request);
    const stamp = request.syn.options.timestamps && packet.options.timestamps;
    if (stamp) request.timestampRecent = stamp.value;
    const socket = promote(this.kernel, request, packet);
    this.queue.push(socket);
    deliverFirst(socket, packet);
    this.options.acceptable?.();
  }

  /**
   * Linux takes an echo only between the first and the last SYN-ACK's timestamp; 0 counts as none.
   */
  private isEchoWrong(request: Request, echo: number): boolean {
    if (echo === 0) return false;
    return ((echo - request.firstStamp) | 0) < 0 || ((request.lastStamp - echo) | 0) < 0;
  }

  private mayAnswer(request: Request): boolean {
    const { nowMs } = this.kernel.clock;
    if (nowMs - request.answeredMs < INVALID_RATE_MS) return false;
    request.answeredMs = nowMs;
    return true;
  }

  private acknowledge(request: Request): void {
    const { timestamps } = this.kernel.synOptions(
      request.ends,
      request.timestampRecent,
      request.syn.options,
    );
    this.kernel.send(request.ends, {
      sequence: (request.iss + 1) >>> 0,
      acknowledgment: (request.syn.sequence + 1) >>> 0,
      flags: ACK,
      window: Math.min(65535, this.kernel.options.receiveBuffer),
      options: timestamps ? { timestamps } : {},
    });
  }
}
