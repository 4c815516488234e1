import * as L from '../../assembly/layout.ts';
import type { Connections } from '../connections.ts';
import { readStart } from '../packet/read.ts';
import { cookiesSet } from './set-cookie.ts';

/** Responses of a connection that are looked at. */
export const HEADS_LIMIT = 16;

/** Looks for cookies in responses, in as many of each connection as cost little. */
export class CookieWatch {
  readonly #connections: Connections;
  /** by the service's index among the bindings */
  readonly #names = new Map<number, string>();
  /** by entry: second half of the handoff id, and how many heads of that connection were looked at */
  readonly #counters: Uint32Array;
  readonly #heads: Uint8Array;

  constructor(connections: Connections) {
    this.#connections = connections;
    this.#counters = new Uint32Array(connections.entryCount);
    this.#heads = new Uint8Array(connections.entryCount);
  }

  /** Connections of this service are watched for that cookie from now on. */
  expect(service: number, name: string): void {
    this.#names.set(service, name);
  }

  /** A packet that begins like a head, or its beginning: `NAME=value` of what it sets. */
  take(entry: number, packet: Uint8Array): Uint8Array[] {
    const { counter } = this.#connections.id(entry);
    if (this.#counters[entry] !== counter) this.#heads[entry] = 0;
    this.#counters[entry] = counter;
    this.#heads[entry] = Math.min(this.#heads[entry]! + 1, HEADS_LIMIT);
    const name = this.#names.get(this.#connections.record16(entry, L.RECORD_SERVICE));
    const segment = readStart(packet);
    if (name === undefined || !segment) return [];
    return cookiesSet(segment.payload, name).map((text) =>
      Uint8Array.from(text, (each) => each.charCodeAt(0)),
    );
  }

  isOver(entry: number): boolean {
    return this.#heads[entry]! >= HEADS_LIMIT;
  }
}
