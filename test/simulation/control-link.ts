import { decodeFrame, encodeMessage, splitMessage, stampFrame } from '../../src/channel/codec.ts';
import { SentFrames, nextNumber } from '../../src/channel/lease.ts';
import type { Hello, Message } from '../../src/channel/messages.ts';
import type { Random } from '../../src/lab/random.ts';
import type { Scheduler, Timer } from './scheduler.ts';
import type { Trace } from './trace.ts';

// The control channel between a switch and an agent on virtual time: the program's messages, codec
// and
// frame numbers over an ordered, reliable pipe that can be cut and healed. It is the twin of
// src/channel/control-channel.ts and channel.ts, whose sockets and timers cannot be simulated.

/** One host's side, as its driver gives it. */
export interface ChannelHost {
  readonly name: string;
  readonly index: number;
  /** false while its process is dead */
  isRunning(): boolean;
  /** stopped by a signal: its kernel keeps the channels, and nobody reads them */
  isPaused?(): boolean;
  hello(): Hello;
  up(peer: string, hello: Hello): void;
  down(peer: string): void;
  message(peer: string, message: Message): void;
}

/** Where nothing arrives any more. */
export type CutSide = 'both' | 'dialer' | 'listener';

const PING_INTERVAL_MS = 250;
const PEER_TIMEOUT_MS = 1000;
const LEASE_MS = 1000;
const DIAL_TIMEOUT_MS = 3000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1000;

function isPaused(host: ChannelHost): boolean {
  return host.isPaused?.() ?? false;
}

/** One end of one connection. */
class End {
  readonly host: ChannelHost;
  readonly sent = new SentFrames();
  received = 0;
  receivedMs: number;
  sentMs: number;
  isOpen = true;
  isUp = false;
  /**
   * what is on its way to this end, and how much of it should have arrived while the link was cut
   */
  readonly queue: (Uint8Array | 'closed')[] = [];
  missed = 0;
  lastArrivalMs = 0;

  constructor(host: ChannelHost, nowMs: number) {
    this.host = host;
    this.receivedMs = nowMs;
    this.sentMs = nowMs;
  }
}

export class ControlLink {
  readonly dialer: ChannelHost;
  readonly listener: ChannelHost;
  private cutSide: CutSide | null = null;
  /** frames delivered */
  frames = 0;
  private readonly clock: Scheduler;
  private readonly random: Random;
  private readonly trace: Trace;
  private readonly delayMs: number;
  private ends: [dialing: End, listening: End] | undefined;
  private waitMs = 0;
  private dialing: Timer | undefined;

  constructor(
    clock: Scheduler,
    random: Random,
    trace: Trace,
    hosts: { dialer: ChannelHost; listener: ChannelHost },
    delayMs: number,
  ) {
    this.clock = clock;
    this.random = random;
    this.trace = trace;
    this.dialer = hosts.dialer;
    this.listener = hosts.listener;
    this.delayMs = delayMs;
  }

  start(): void {
    this.dialLater(0);
    this.tick();
  }

  isUp(host: ChannelHost): boolean {
    return this.endOf(host)?.isUp ?? false;
  }

  /** False when the channel is down. */
  send(from: ChannelHost, message: Message): boolean {
    const end = this.endOf(from);
    if (!end?.isOpen || !end.isUp) return false;
    this.put(end, message);
    return true;
  }

  leaseDeadlineMs(host: ChannelHost): number {
    const end = this.endOf(host);
    const sentMs = end?.isUp ? end.sent.acknowledgedSentMs : undefined;
    return sentMs === undefined ? 0 : sentMs + LEASE_MS;
  }

  /** From now on nothing arrives at that side, which notices by silence. */
  cut(side: CutSide = 'both'): void {
    this.cutSide = side;
  }

  heal(): void {
    this.cutSide = null;
    this.deliverMissed();
  }

  /**
   * That host's process goes on: it reads what its kernel has kept. Or a newer connection's hello before
   * that, by which the older one counts as lost.
   */
  resumed(host: ChannelHost): void {
    const end = this.endOf(host);
    if (end?.isOpen && end.queue.at(-1) === 'closed' && this.random.chance(0.5)) {
      end.queue.length = 0;
      end.missed = 0;
      this.close(end);
    }
    this.deliverMissed();
    if (!end?.isOpen || end.queue.at(-1) === 'closed') this.dialLater(this.random.fraction());
  }

  private deliverMissed(): void {
    for (const end of this.ends ?? []) {
      if (this.isDeaf(end)) continue;
      for (; end.missed > 0; end.missed--) this.deliverLater(end);
    }
  }

  /** What comes to this end stays on its way. */
  private isDeaf({ host }: End): boolean {
    const isCut = this.cutSide === 'both' || this.cutSide === this.sideOf(host);
    return isCut || isPaused(host);
  }

  private sideOf(host: ChannelHost): CutSide {
    return host === this.dialer ? 'dialer' : 'listener';
  }

  /** That host's process died: its kernel closes the connection. */
  crashed(host: ChannelHost): void {
    const end = this.endOf(host);
    if (!end?.isOpen) return;
    end.isOpen = false;
    end.isUp = false;
    this.carry(this.other(end), 'closed');
    if (host === this.dialer) this.dialLater(LONGEST_WAIT_MS);
  }

  /** The dialer's process was started. */
  dialNow(): void {
    this.waitMs = 0;
    this.dialLater(0);
  }

  private endOf(host: ChannelHost): End | undefined {
    return this.ends?.find((end) => end.host === host);
  }

  private other(end: End): End {
    const [dialing, listening] = this.ends!;
    return end === dialing ? listening : dialing;
  }

  private dialLater(delayMs: number): void {
    if (this.dialing) this.dialing.cancelled = true;
    this.dialing = this.clock.after(delayMs, () => this.dial());
  }

  private dial(): void {
    this.waitMs = Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, 2 * this.waitMs));
    if (this.cutSide !== null) return this.dialLater(DIAL_TIMEOUT_MS);
    // its kernel accepts, and its hello comes when it goes on
    if (isPaused(this.dialer) || isPaused(this.listener)) return this.dialLater(this.waitMs);
    if (!this.dialer.isRunning() || !this.listener.isRunning()) return this.dialLater(this.waitMs);
    const [dialing, listening] = this.ends ?? [];
    if (dialing?.isOpen) return;
    if (listening?.isOpen) this.close(listening);
    const { nowMs } = this.clock;
    this.ends = [new End(this.dialer, nowMs), new End(this.listener, nowMs)];
    this.waitMs = 0;
    this.put(this.ends[0], this.dialer.hello());
  }

  private put(from: End, message: Message): void {
    const { nowMs } = this.clock;
    from.sentMs = nowMs;
    for (const part of splitMessage(message)) {
      const frame = encodeMessage(part);
      stampFrame(frame, from.sent.add(nowMs), from.received);
      this.carry(this.other(from), frame);
    }
  }

  /** In order; what is on its way when the link is cut arrives when it is healed. */
  private carry(to: End, item: Uint8Array | 'closed'): void {
    to.queue.push(item);
    this.deliverLater(to);
  }

  private deliverLater(to: End): void {
    const delayMs = this.delayMs * (1 + this.random.fraction());
    to.lastArrivalMs = Math.max(to.lastArrivalMs, this.clock.nowMs + delayMs);
    this.clock.at(to.lastArrivalMs, () => {
      if (this.isDeaf(to)) to.missed += 1;
      else this.arrive(to, to.queue.shift()!);
    });
  }

  private arrive(at: End, item: Uint8Array | 'closed'): void {
    if (!at.isOpen || !at.host.isRunning()) return;
    if (item === 'closed') return this.close(at);
    this.trace.delivery(this.clock.nowMs, at.host.index, item);
    this.frames += 1;
    const frame = decodeFrame(item);
    if ('error' in frame) throw new Error(`a frame that its own codec refuses: ${frame.error}`);
    if (frame.number !== nextNumber(at.received)) throw new Error('a frame out of order');
    at.receivedMs = this.clock.nowMs;
    at.received = frame.number;
    if (!at.sent.acknowledge(frame.received)) throw new Error('a frame that was never sent');
    const peer = this.other(at).host.name;
    const { message } = frame;
    if (message.type === 'ping') return;
    if (at.isUp) return at.host.message(peer, message);
    if (message.type !== 'hello') return;
    at.isUp = true;
    this.put(at, { type: 'ping' });
    at.host.up(peer, message);
  }

  private close(end: End): void {
    if (!end.isOpen) return;
    const wasUp = end.isUp;
    end.isOpen = false;
    end.isUp = false;
    const other = this.other(end);
    if (other.isOpen) this.carry(other, 'closed');
    if (end.host === this.dialer) this.dialLater(FIRST_WAIT_MS);
    if (wasUp && end.host.isRunning()) end.host.down(other.host.name);
  }

  private tick(): void {
    this.clock.after(PING_INTERVAL_MS, () => this.tick());
    for (const end of this.ends ?? []) {
      if (!end.isOpen || !end.host.isRunning() || isPaused(end.host)) continue;
      if (this.clock.nowMs - end.receivedMs > PEER_TIMEOUT_MS) this.close(end);
      else if (this.clock.nowMs - end.sentMs >= PING_INTERVAL_MS / 2)
        this.put(end, { type: 'ping' });
    }
  }
}
