import { distance } from '../packet/sequence.ts';

const CONTENT_HANDSHAKE = 22;
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;
const SERVER_HELLO = 2;
const NEW_SESSION_TICKET = 4;
const RANDOM_END = 34;
const EXTENSION_TICKET = 35;
const EXTENSION_VERSIONS = 43;
/** Certificates may be long; who sends more before its ticket is not listened to. */
const LIMIT = 65536;

/**
 * What a server of TLS 1.2 says in clear of the session that it gives (RFC 5246 section 7.4.1.3, RFC 5077
 * section 3.3): the id in its ServerHello, the ticket before its ChangeCipherSpec. TLS 1.3 encrypts its
 * tickets. Segments are taken in order; where one is missing, nothing more is learned.
 */
export class ServerFlight {
  /** nothing more will be learned */
  isOver = false;
  #next: number;
  #taken = 0;
  #records = new Uint8Array(0);
  #messages = new Uint8Array(0);

  /** `first`: sequence number of the server's first byte */
  constructor(first: number) {
    this.#next = first;
  }

  /** Takes a segment; returns session ids and tickets that it completed. */
  take(sequence: number, payload: Uint8Array): Uint8Array[] {
    const known = distance(this.#next, sequence);
    if (known >= payload.length || this.isOver) return [];
    this.#taken += payload.length - known;
    if (known < 0 || this.#taken > LIMIT) return this.#end();
    this.#next = (this.#next + payload.length - known) >>> 0;
    this.#records = joined(this.#records, payload.subarray(known));
    const found: Uint8Array[] = [];
    while (!this.isOver && this.#record()) found.push(...this.#readMessages());
    return found;
  }

  #end(): [] {
    this.isOver = true;
    return [];
  }

  /** Moves one whole record's bytes to the messages. */
  #record(): boolean {
    const bytes = this.#records;
    if (bytes.length > 0 && bytes[0] !== CONTENT_HANDSHAKE) this.isOver = true;
    if (this.isOver || bytes.length < RECORD_HEADER) return false;
    const end = RECORD_HEADER + ((bytes[3]! << 8) | bytes[4]!);
    if (bytes.length < end) return false;
    this.#messages = joined(this.#messages, bytes.subarray(RECORD_HEADER, end));
    this.#records = bytes.slice(end);
    return true;
  }

  #readMessages(): Uint8Array[] {
    const found: Uint8Array[] = [];
    while (!this.isOver && this.#messages.length >= MESSAGE_HEADER) {
      const bytes = this.#messages;
      const end = MESSAGE_HEADER + ((bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!);
      if (bytes.length < end) break;
      const body = bytes.subarray(MESSAGE_HEADER, end);
      const session = bytes[0] === SERVER_HELLO ? this.#hello(body) : this.#ticket(bytes[0]!, body);
      if (session.length > 0) found.push(session);
      this.#messages = bytes.slice(end);
    }
    return found;
  }

  /** The session id; empty without one. */
  #hello(body: Uint8Array): Uint8Array {
    const session = body.subarray(RANDOM_END + 1, RANDOM_END + 1 + (body[RANDOM_END] ?? 0));
    const types = extensionTypes(body, RANDOM_END + 1 + session.length + 3);
    // without that extension no ticket comes
    this.isOver = types.includes(EXTENSION_VERSIONS) || !types.includes(EXTENSION_TICKET);
    return types.includes(EXTENSION_VERSIONS) ? new Uint8Array(0) : session;
  }

  /** Behind its lifetime (four bytes) and its length (two). */
  #ticket(type: number, body: Uint8Array): Uint8Array {
    if (type !== NEW_SESSION_TICKET) return new Uint8Array(0);
    this.isOver = true;
    return body.subarray(6);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** `at`: behind the compression method. */
function extensionTypes(body: Uint8Array, at: number): number[] {
  const types: number[] = [];
  let next = at + 2;
  while (next + MESSAGE_HEADER <= body.length) {
    types.push((body[next]! << 8) | body[next + 1]!);
    next += MESSAGE_HEADER + ((body[next + 2]! << 8) | body[next + 3]!);
  }
  return types;
}
