import type { Tuple } from '../../channel/messages.ts';
import { isAfter } from '../../packet/sequence.ts';

const LIMIT = 65536;

/**
 * The handshakes that were put off after the start: their entries make way for an agent's
 * connection of the same tuple, but one that the client has forgotten must not take them over.
 */
export class PutOffs {
  private readonly isns = new Map<string, number>();

  /** The client proved a handshake with that ISN. Those that are too many are not remembered. */
  add(tuple: Tuple, clientIsn: number): void {
    if (this.isns.size < LIMIT && !this.hasYounger(tuple, clientIsn)) {
      this.isns.set(keyOf(tuple), clientIsn);
    }
  }

  /** Whether the client has begun a connection after that one. */
  hasYounger(tuple: Tuple, clientIsn: number): boolean {
    const isn = this.isns.get(keyOf(tuple));
    return isn !== undefined && isAfter(isn, clientIsn);
  }

  /** All agents have told what they have. */
  clear(): void {
    this.isns.clear();
  }
}

function keyOf({ client, clientPort, vip, vipPort }: Tuple): string {
  return `${client.join('.')} ${clientPort} ${vip.join('.')} ${vipPort}`;
}
