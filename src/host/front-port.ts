import { isInFront } from '../channel/front-notices.ts';
import type { ChannelEvents } from '../channel/control-channel.ts';
import type { Hello, Message } from '../channel/messages.ts';

/**
 * The channels to switches in front of this host. The agent listens for them; what they say is for the
 * agent and for the distributor of the same host, and both answer on the same channel.
 */
export class FrontPort {
  readonly #up = new Map<string, Hello>();
  #distributor: ChannelEvents | undefined;
  #send: (to: string, message: Message) => boolean = () => false;

  /** The agent's channels: `send` goes to their peers, the result is what they tell of them. */
  listen(agent: ChannelEvents, send: (to: string, message: Message) => boolean): ChannelEvents {
    this.#send = send;
    return {
      ...agent,
      up: (peer, hello) => {
        agent.up(peer, hello);
        if (!isInFront(hello)) return;
        this.#up.set(peer, hello);
        this.#distributor?.up(peer, hello);
      },
      down: (peer, heardMs) => {
        agent.down(peer, heardMs);
        if (this.#up.delete(peer)) this.#distributor?.down(peer, heardMs);
      },
      message: (from, message) => {
        agent.message(from, message);
        if (this.#up.has(from)) this.#distributor?.message(from, message);
      },
    };
  }

  /** The distributor hears of all that are up, and of what comes. */
  attach(distributor: ChannelEvents): void {
    this.#distributor = distributor;
    for (const [peer, hello] of this.#up) distributor.up(peer, hello);
  }

  /** Nothing is heard any more. */
  detach(): void {
    this.#distributor = undefined;
  }

  has(peer: string): boolean {
    return this.#up.has(peer);
  }

  send(to: string, message: Message): boolean {
    return this.#send(to, message);
  }
}
