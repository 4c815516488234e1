import type { Effects, OutgoingMessage, OutgoingPacket } from '../event.ts';
import type { Message } from '../channel/messages.ts';

/** Collects what the parts of the agent want done during one event, in order. */
export class Outbox {
  #packets: OutgoingPacket[] = [];
  #messages: OutgoingMessage[] = [];

  /** Own packets, to be sent as they are. */
  transmit(worker: number, packets: Uint8Array[]): void {
    for (const packet of packets) this.#packets.push({ worker, packet });
  }

  /** A packet that a device delivered: rewritten by its entry and counted as a held one. */
  rewrite(worker: number, entry: number, packet: Uint8Array, vnet: Uint8Array): void {
    this.#packets.push({ worker, packet, vnet, rewrite: entry });
  }

  message(to: string, message: Message): void {
    this.#messages.push({ to, message });
  }

  take(deadlineMs: number): Effects {
    const effects = { packets: this.#packets, messages: this.#messages, deadlineMs };
    this.#packets = [];
    this.#messages = [];
    return effects;
  }
}
