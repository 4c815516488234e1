import * as C from '../../../assembly/calls.ts';
import { Parsed } from './parsed.ts';
import type { Range } from './parsed.ts';

/**
 * What the core's parser found (HELLO_*), read from `view` at `out`, about the ClientHello whose bytes
 * begin at bytes[0]: those that the parser moved together. Valid until the next parse.
 */
export class ClientHello extends Parsed {
  /** The client offers TLS 1.3, whose servers give their tickets in secret. */
  get offersTls13(): boolean {
    return (this.u32(C.HELLO_FLAGS) & C.HELLO_FLAG_TLS13) !== 0;
  }

  /** In small letters, without trailing dot; null without SNI. */
  get name(): Range | null {
    const range = this.range(C.HELLO_NAME_OFFSET, C.HELLO_NAME_LENGTH);
    return range.from === 0 ? null : range;
  }

  /** 0 without SNI. */
  get nameHash(): number {
    return this.u32(C.HELLO_NAME_HASH);
  }

  /** Of the session id; null without one. */
  get sessionHash(): number | null {
    return this.u16(C.HELLO_SESSION_LENGTH) === 0 ? null : this.u32(C.HELLO_SESSION_HASH);
  }

  /** Of the ticket (RFC 5077); null without one. */
  get ticketHash(): number | null {
    return this.u16(C.HELLO_TICKET_LENGTH) === 0 ? null : this.u32(C.HELLO_TICKET_HASH);
  }

  /** ALPN names that the client offers, in its order. */
  get protocols(): Range[] {
    const { from, to } = this.range(C.HELLO_PROTOCOLS_OFFSET, C.HELLO_PROTOCOLS_LENGTH);
    const found: Range[] = [];
    for (let at = from; at < to; at += 1 + this.bytes[at]!) {
      found.push({ from: at + 1, to: at + 1 + this.bytes[at]! });
    }
    return found;
  }
}
