// What a TLS server sends first (RFC 5246 section 7.4, RFC 5077 section 3.3), built from parts.
import { concat } from './hello-model.ts';

interface ServerHelloParts {
  session?: Uint8Array;
  /** types of its extensions; each of them is empty */
  extensions?: number[];
}

export const TICKET_EXTENSION = 35;
export const VERSIONS_EXTENSION = 43;

function message(type: number, body: Uint8Array): Uint8Array {
  const { length } = body;
  return concat(Uint8Array.of(type, length >> 16, (length >> 8) & 255, length & 255), body);
}

export function serverHello({ session, extensions = [] }: ServerHelloParts): Uint8Array {
  const id = session ?? new Uint8Array(0);
  const list = Uint8Array.from(extensions.flatMap((type) => [type >> 8, type & 255, 0, 0]));
  const body = concat(
    Uint8Array.of(3, 3),
    new Uint8Array(32).fill(9),
    Uint8Array.of(id.length),
    id,
    Uint8Array.of(0xc0, 0x2f, 0, list.length >> 8, list.length & 255),
    list,
  );
  return message(2, body);
}

export function certificate(length: number): Uint8Array {
  return message(11, new Uint8Array(length).fill(0x30));
}

export function newSessionTicket(ticket: Uint8Array): Uint8Array {
  const { length } = ticket;
  return message(4, concat(Uint8Array.of(0, 0, 1, 44, length >> 8, length & 255), ticket));
}

/** One record; 22 = handshake, 20 = ChangeCipherSpec. */
export function record(bytes: Uint8Array, type = 22): Uint8Array {
  return concat(Uint8Array.of(type, 3, 3, bytes.length >> 8, bytes.length & 255), bytes);
}
