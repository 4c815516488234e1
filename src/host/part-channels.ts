import type { ControlChannels } from '../channel/control-channel.ts';
import type { LoopbackEnd } from '../channel/loopback.ts';
import type { Message } from '../channel/messages.ts';
import type { FrontPort } from './front-port.ts';
import type { DialTarget, PeerState } from '../channel/options.ts';

/** A part's control channels: over the network, and to the other parts of this host that it works with. */
export class PartChannels {
  readonly #remote: ControlChannels;
  readonly #local: () => LoopbackEnd[];
  readonly #fronts: FrontPort | undefined;

  /** `fronts`: those of a distributor */
  constructor(remote: ControlChannels, local: () => LoopbackEnd[], fronts?: FrontPort) {
    this.#remote = remote;
    this.#local = local;
    this.#fronts = fronts;
  }

  start(): Promise<void> {
    return this.#remote.start();
  }

  stop(): Promise<void> {
    return this.#remote.stop();
  }

  /** Other hosts to dial; what this host has itself is not among them. */
  redial(targets: readonly DialTarget[]): void {
    this.#remote.redial(targets.filter(({ name }) => !this.#localTo(name)));
  }

  retune(options: Parameters<ControlChannels['retune']>[0]): void {
    this.#remote.retune(options);
  }

  /** Both ends of a local channel bear one name. */
  send(to: string, message: Message): boolean {
    if (this.#fronts?.has(to)) return this.#fronts.send(to, message);
    return this.#localTo(to)?.send(message) ?? this.#remote.send(to, message);
  }

  /** Until when this part may act for the peer (monotonic ms), 0 = not at all. */
  leaseDeadlineMs(peer: string): number {
    return this.#localTo(peer)?.leaseDeadlineMs() ?? this.#remote.leaseDeadlineMs(peer);
  }

  peers(): PeerState[] {
    return [...this.#local().map((end) => end.peer()), ...this.#remote.peers()];
  }

  #localTo(peer: string): LoopbackEnd | undefined {
    return this.#local().find(({ name }) => name === peer);
  }
}
