// A control channel between two parts of one process: function calls through the same codec, so
// that whatever works here works over TCP. For parts on one host, and for the simulation (which
// adds delay and cuts itself).
import { decodeFrame, encodeFrame, splitMessage } from './codec.ts';
import type { Hello, Message } from './messages.ts';
import type { ChannelEvents } from './options.ts';

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

export interface LoopbackEnd {
  /** False while the channel is closed. The other end has received it when this returns. */
  send(message: Message): boolean;
  /** Between parts of one process there is no lease to lose: Infinity, 0 while closed. */
  leaseDeadlineMs(): number;
}

interface Side {
  name: string;
  on: ChannelEvents;
  open: boolean;
}

/**
 * `dialer` says hello first, as a switch does; `listener` answers with its own hello through
 * send().
 */
export class Loopback {
  readonly dialer: LoopbackEnd;
  readonly listener: LoopbackEnd;
  readonly #dialing: Side;
  readonly #listening: Side;

  constructor(
    dialer: { name: string; on: ChannelEvents },
    listener: { name: string; on: ChannelEvents },
  ) {
    this.#dialing = { ...dialer, open: false };
    this.#listening = { ...listener, open: false };
    this.dialer = this.#end(this.#dialing, this.#listening);
    this.listener = this.#end(this.#listening, this.#dialing);
  }

  open(hello: Hello): void {
    this.close();
    this.#deliver(this.#listening, this.#dialing.name, hello);
  }

  /** Both ends see `down`, if they were up. */
  close(): void {
    const sides: [Side, Side][] = [
      [this.#dialing, this.#listening],
      [this.#listening, this.#dialing],
    ];
    for (const [side, other] of sides) {
      if (!side.open) continue;
      side.open = false;
      side.on.down(other.name);
    }
  }

  #deliver(to: Side, from: string, message: Message): void {
    for (const part of recode(message)) {
      if (part.type === 'ping') continue;
      if (to.open) {
        to.on.message(from, part);
      } else if (part.type === 'hello') {
        to.open = true;
        to.on.up(from, part);
      }
    }
  }

  #end(own: Side, other: Side): LoopbackEnd {
    return {
      send: (message) => {
        if (!own.open) return false;
        this.#deliver(other, own.name, message);
        return true;
      },
      leaseDeadlineMs: () => (own.open && other.open ? Infinity : 0),
    };
  }
}
