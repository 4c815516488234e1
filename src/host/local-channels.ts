import type { ChannelEvents } from '../channel/control-channel.ts';
import { Loopback, type LoopbackEnd } from '../channel/loopback.ts';
import type { Hello } from '../channel/messages.ts';

/** What a switch says first to a server of that name. */
type MakeHello = (name: string) => Hello;

/**
 * The channels between the switch of this host (dialer) and another part of it (listener), each known
 * on both sides by the name of the server that it leads to. Both sides say what they hear before open().
 */
export class LocalChannels {
  readonly #links = new Map<string, Loopback>();
  readonly #now: () => number;
  #dialer: { on: ChannelEvents; hello: MakeHello } | undefined;
  #listener: ChannelEvents | undefined;

  /** `now`: monotonic ms */
  constructor(names: Iterable<string>, now: () => number) {
    this.#now = now;
    for (const name of names) this.#links.set(name, new Loopback(name, name, now));
  }

  dial(on: ChannelEvents, hello: MakeHello): void {
    this.#dialer = { on, hello };
  }

  listen(on: ChannelEvents): void {
    this.#listener = on;
  }

  has(name: string): boolean {
    return this.#links.has(name);
  }

  /** Those of the switch. */
  dialers(): LoopbackEnd[] {
    return [...this.#links.values()].map(({ dialer }) => dialer);
  }

  /** Those of the other part. */
  listeners(): LoopbackEnd[] {
    return [...this.#links.values()].map(({ listener }) => listener);
  }

  /** Both sides see `up` of all that were not open; what `names` says is new is among them. */
  open(names: Iterable<string> = []): void {
    for (const name of names) {
      if (!this.#links.has(name)) this.#links.set(name, new Loopback(name, name, this.#now));
    }
    if (!this.#dialer) return;
    for (const [name, link] of this.#links) {
      if (link.dialer.on) continue;
      link.dialer.on = this.#dialer.on;
      link.listener.on = this.#listener;
      link.open(this.#dialer.hello(name));
    }
  }

  /** Both sides see `down`. */
  close(): void {
    for (const link of this.#links.values()) link.close();
  }
}
