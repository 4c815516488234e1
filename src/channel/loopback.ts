// A control channel between two parts of one process: function calls through the same codec, so that
// whatever works here works over TCP. A local handoff is a call through it.
import { decodeFrame, encodeFrame, splitMessage } from './codec.ts';
import type { Hello, Message } from './messages.ts';
import type { ChannelEvents, PeerState } from './options.ts';

/**
 * What the other end receives for a message: its copies after encoding and decoding. Throws as
 * encodeMessage does.
 */
export function recode(message: Message): Message[] {
  return splitMessage(message).map((part) => {
    const frame = decodeFrame(encodeFrame(part, 1, 0));
    if ('error' in frame)
      throw new Error(`control message does not survive its codec: ${frame.error}`);
    return frame.message;
  });
}

/** One end of a Loopback. */
export class LoopbackEnd {
  /** of the part at this end */
  readonly name: string;
  /** what the part at this end gets to see; to be set before the loopback is opened */
  on: ChannelEvents | undefined;
  readonly #loopback: Loopback;
  /** monotonic ms; undefined while it is down */
  upSinceMs: number | undefined;
  messagesSent = 0;

  constructor(name: string, loopback: Loopback) {
    this.name = name;
    this.#loopback = loopback;
  }

  /** False while the channel is closed. The other end sees it in a later microtask, in order. */
  send(message: Message): boolean {
    if (this.upSinceMs === undefined) return false;
    this.messagesSent += 1;
    this.#loopback.deliver(this, message);
    return true;
  }

  /** Between parts of one process there is no lease to lose: Infinity, 0 while closed. */
  leaseDeadlineMs(): number {
    return this.upSinceMs === undefined ? 0 : Infinity;
  }

  /** The other end, for people and programs to look at. */
  peer(): PeerState {
    return this.#loopback.stateOf(this);
  }
}

/**
 * `dialer` says hello first, as a switch does; `listener` answers with its own hello through
 * send(). Events come in microtasks: a plane is never entered while its own effects are carried out.
 */
export class Loopback {
  readonly dialer: LoopbackEnd;
  readonly listener: LoopbackEnd;
  readonly #now: () => number;

  /** `now`: monotonic ms */
  constructor(dialer: string, listener: string, now: () => number) {
    this.dialer = new LoopbackEnd(dialer, this);
    this.listener = new LoopbackEnd(listener, this);
    this.#now = now;
  }

  open(hello: Hello): void {
    this.close();
    this.deliver(this.dialer, hello);
  }

  /** Both ends see `down`, if they were up. */
  close(): void {
    for (const end of [this.dialer, this.listener]) {
      if (end.upSinceMs === undefined) continue;
      end.upSinceMs = undefined;
      queueMicrotask(() => end.on?.down(this.#other(end).name, this.#now()));
    }
  }

  deliver(from: LoopbackEnd, message: Message): void {
    const to = this.#other(from);
    for (const part of recode(message)) {
      queueMicrotask(() => {
        if (to.upSinceMs !== undefined) {
          if (part.type !== 'ping') to.on?.message(from.name, part);
        } else if (part.type === 'hello') {
          to.upSinceMs = this.#now();
          to.on?.up(from.name, part);
        }
      });
    }
  }

  stateOf(end: LoopbackEnd): PeerState {
    const { upSinceMs, messagesSent } = end;
    const other = this.#other(end);
    return {
      name: other.name,
      up: upSinceMs !== undefined,
      dialed: end === this.dialer,
      upForMs: upSinceMs === undefined ? 0 : Math.round(this.#now() - upSinceMs),
      queuedBytes: 0,
      framesSent: messagesSent,
      framesReceived: other.messagesSent,
    };
  }

  #other(end: LoopbackEnd): LoopbackEnd {
    return end === this.dialer ? this.listener : this.dialer;
  }
}
