import { isAfter } from '../../packet/sequence.ts';
import { tupleKey } from '../../tuple.ts';
import type { LocalTuple } from '../../tuple.ts';

const LIMIT = 65536;

/**
 * The handshakes that were put off after the start: their entries make way for an agent's
 * connection of the same tuple, but one that the client has forgotten must not take them over.
 */
export class PutOffs {
  private readonly isns = new Map<string, number>();

  /** The client proved a handshake with that ISN. Those that are too many are not remembered. */
  add(key: LocalTuple, clientIsn: number): void {
    if (this.isns.size < LIMIT && !this.hasYounger(key, clientIsn)) {
      this.isns.set(tupleKey(key), clientIsn);
    }
  }

  /** Whether the client has begun a connection after that one. */
  hasYounger(key: LocalTuple, clientIsn: number): boolean {
    const isn = this.isns.get(tupleKey(key));
    return isn !== undefined && isAfter(isn, clientIsn);
  }

  /** All agents have told what they have. */
  clear(): void {
    this.isns.clear();
  }
}
