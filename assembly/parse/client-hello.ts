import {
  HEAD_LIMIT,
  HELLO_FLAG_NAME,
  HELLO_FLAG_PRE_SHARED_KEY,
  HELLO_FLAG_PROTOCOLS,
  HELLO_FLAG_TICKET,
  HELLO_FLAG_TLS13,
  HELLO_FLAG_VERSIONS,
  HELLO_FLAGS,
  HELLO_LENGTH,
  HELLO_NAME_HASH,
  HELLO_NAME_LENGTH,
  HELLO_NAME_OFFSET,
  HELLO_PROTOCOLS_LENGTH,
  HELLO_PROTOCOLS_OFFSET,
  HELLO_SESSION_HASH,
  HELLO_SESSION_LENGTH,
  HELLO_SESSION_OFFSET,
  HELLO_SIZE,
  HELLO_TICKET_HASH,
  HELLO_TICKET_LENGTH,
  HELLO_TICKET_OFFSET,
} from '../calls';
import {
  HELLO_ERROR_FORMAT,
  HELLO_ERROR_MESSAGE,
  HELLO_ERROR_NAME,
  HELLO_ERROR_NOT_TLS,
  HELLO_ERROR_RECORD,
  HELLO_ERROR_TOO_LONG,
  HELLO_ERROR_TWICE,
} from './hello-errors';
import { RequestHead } from './request-head';

const LIMIT: usize = HEAD_LIMIT;
const RECORD_HEADER: usize = 5; // content type, version (two bytes), length (two bytes)
const RECORD_LENGTH: usize = 3;
const RECORD_LIMIT: u32 = 16384;
const CONTENT_HANDSHAKE: u32 = 22;
const MAJOR_VERSION: u32 = 3; // SSL 3.0 to TLS 1.3
const MESSAGE_HEADER: usize = 4; // type, length (three bytes)
const TYPE_CLIENT_HELLO: u32 = 1;
const FIXED_PART: usize = 34; // version and random
const SESSION_LIMIT: usize = 32;
const EXTENSION_HEADER: usize = 4; // type and length, two bytes each
const EXTENSION_SERVER_NAME: u32 = 0;
const EXTENSION_PROTOCOLS: u32 = 16;
const EXTENSION_TICKET: u32 = 35;
const EXTENSION_PRE_SHARED_KEY: u32 = 41;
const EXTENSION_VERSIONS: u32 = 43;
const VERSION_TLS13: u32 = 0x0304;
const NAME_LIMIT: usize = 255;
const DOT: u32 = 0x2e;
const RANGE_LENGTH: usize = 2; // behind its offset

/**
 * The first message of a TLS client (RFC 8446 section 4.1.2; the same bytes in TLS 1.0 to 1.2, RFC 5246
 * section 7.4.1.2), in one record or in pieces of several. Strict where the choice of a server depends
 * on it, as the server reads it with another parser; values that nobody knows (GREASE, RFC 8701) are
 * passed over.
 */
export class ClientHello {
  /**
   * Looks at `length` bytes from the connection's first one on and fills the record at `out` (layout.ts,
   * HELLO_*). Returns the length of the records that hold the message; 0 when more bytes are needed, then
   * HELLO_LENGTH is the least number with which to look again; or the negative of a HELLO_ERROR_*. The
   * bytes are changed: the message's pieces are moved together, letters of the name made small.
   */
  static parse(address: usize, length: u32, out: usize): i32 {
    memory.fill(out, 0, HELLO_SIZE);
    const end = address + min<usize>(length, LIMIT);
    const size = ClientHello.join(address, end, out);
    if (size == 0) return <usize>length >= LIMIT ? -HELLO_ERROR_TOO_LONG : 0;
    if (size < 0) return size;
    const message = address + RECORD_HEADER;
    const error = ClientHello.body(address, message, out);
    return error != 0 ? -error : size;
  }

  /** Moves the pieces behind the first record's header. */
  private static join(address: usize, end: usize, out: usize): i32 {
    const message = address + RECORD_HEADER;
    let at = address;
    let to = message;
    while (true) {
      const error = ClientHello.record(at, end, at == address);
      if (error != 0) return -error;
      if (at + RECORD_HEADER > end) return ClientHello.more(at + RECORD_HEADER - address, out);
      const from = at + RECORD_HEADER;
      const size = <usize>ClientHello.be16(at + RECORD_LENGTH);
      const there = min<usize>(end - from, size);
      if (to != from) memory.copy(to, from, there);
      to += there;
      const joined = to - message;
      if (joined != 0 && load<u8>(message) != TYPE_CLIENT_HELLO) return -HELLO_ERROR_MESSAGE;
      let wanted: usize = MESSAGE_HEADER;
      if (joined >= MESSAGE_HEADER) {
        wanted = MESSAGE_HEADER + ClientHello.be24(message + 1);
        if (wanted > LIMIT - RECORD_HEADER) return -HELLO_ERROR_TOO_LONG;
        if (joined >= wanted) {
          if (joined != wanted || there != size) return -HELLO_ERROR_RECORD;
          return <i32>(from + size - address);
        }
      }
      if (there < size) {
        return ClientHello.more(end - address + min<usize>(wanted - joined, size - there), out);
      }
      at = from + size;
    }
  }

  /** A record's header as far as it is there. */
  @inline
  private static record(at: usize, end: usize, first: bool): u32 {
    const error = first ? HELLO_ERROR_NOT_TLS : HELLO_ERROR_RECORD;
    if (at < end && load<u8>(at) != CONTENT_HANDSHAKE) return error;
    if (at + 1 < end && load<u8>(at + 1) != MAJOR_VERSION) return error;
    if (at + RECORD_HEADER > end) return 0;
    const size = ClientHello.be16(at + RECORD_LENGTH);
    return size == 0 || size > RECORD_LIMIT ? HELLO_ERROR_RECORD : 0;
  }

  @inline
  private static more(least: usize, out: usize): i32 {
    store<u32>(out, <u32>least, HELLO_LENGTH);
    return 0;
  }

  /** The whole message; an error, or 0. */
  private static body(address: usize, message: usize, out: usize): u32 {
    const end = message + MESSAGE_HEADER + ClientHello.be24(message + 1);
    let at = message + MESSAGE_HEADER + FIXED_PART;
    if (at >= end || load<u8>(message + MESSAGE_HEADER) != MAJOR_VERSION) return HELLO_ERROR_FORMAT;
    const session = <usize>load<u8>(at);
    at++;
    if (session > SESSION_LIMIT || at + session + 2 > end) return HELLO_ERROR_FORMAT;
    if (session != 0) {
      ClientHello.range(out + HELLO_SESSION_OFFSET, at - address, session);
      store<u32>(out, RequestHead.hashTarget(at, <u32>session), HELLO_SESSION_HASH);
    }
    at += session;
    const ciphers = <usize>ClientHello.be16(at);
    at += 2 + ciphers;
    if (ciphers == 0 || (ciphers & 1) != 0 || at >= end) return HELLO_ERROR_FORMAT;
    const compressions = <usize>load<u8>(at);
    at += 1 + compressions;
    if (compressions == 0 || at > end) return HELLO_ERROR_FORMAT;
    store<u32>(out, <u32>(end - address), HELLO_LENGTH);
    if (at == end) return 0; // TLS 1.2 and before may have no extensions
    if (at + 2 > end || at + 2 + ClientHello.be16(at) != end) return HELLO_ERROR_FORMAT;
    return ClientHello.extensions(address, at + 2, end, out);
  }

  private static extensions(address: usize, from: usize, end: usize, out: usize): u32 {
    let at = from;
    while (at != end) {
      if (at + EXTENSION_HEADER > end) return HELLO_ERROR_FORMAT;
      const type = ClientHello.be16(at);
      const size = <usize>ClientHello.be16(at + 2);
      at += EXTENSION_HEADER;
      if (size > end - at) return HELLO_ERROR_FORMAT;
      const flag = ClientHello.flagOf(type);
      const flags = load<u32>(out, HELLO_FLAGS);
      if ((flags & flag) != 0) return HELLO_ERROR_TWICE;
      store<u32>(out, flags | flag, HELLO_FLAGS);
      let error: u32 = 0;
      if (flag == HELLO_FLAG_NAME) error = ClientHello.serverName(address, at, at + size, out);
      else if (flag == HELLO_FLAG_PROTOCOLS) {
        error = ClientHello.protocols(address, at, at + size, out);
      } else if (flag == HELLO_FLAG_VERSIONS) error = ClientHello.versions(at, at + size, out);
      else if (flag == HELLO_FLAG_TICKET && size != 0) {
        ClientHello.range(out + HELLO_TICKET_OFFSET, at - address, size);
        store<u32>(out, RequestHead.hashTarget(at, <u32>size), HELLO_TICKET_HASH);
      }
      if (error != 0) return error;
      at += size;
    }
    return 0;
  }

  @inline
  private static flagOf(type: u32): u32 {
    if (type == EXTENSION_SERVER_NAME) return HELLO_FLAG_NAME;
    if (type == EXTENSION_PROTOCOLS) return HELLO_FLAG_PROTOCOLS;
    if (type == EXTENSION_TICKET) return HELLO_FLAG_TICKET;
    if (type == EXTENSION_VERSIONS) return HELLO_FLAG_VERSIONS;
    return type == EXTENSION_PRE_SHARED_KEY ? HELLO_FLAG_PRE_SHARED_KEY : 0;
  }

  /**
   * RFC 6066 section 3. Of several names nobody says which one counts: exactly one. A trailing dot does
   * not belong to it.
   */
  private static serverName(address: usize, at: usize, end: usize, out: usize): u32 {
    if (at + 5 > end || at + 2 + ClientHello.be16(at) != end) return HELLO_ERROR_FORMAT;
    const name = at + 5;
    if (load<u8>(at + 2) != 0 || name + ClientHello.be16(at + 3) != end) return HELLO_ERROR_NAME;
    let length = end - name;
    if (length > NAME_LIMIT) return HELLO_ERROR_NAME;
    for (let i: usize = 0; i < length; i++) {
      const byte = <u32>load<u8>(name + i);
      if (byte - 0x21 > 0x7e - 0x21) return HELLO_ERROR_NAME;
      if (byte - 0x41 < 26) store<u8>(name + i, byte | 0x20);
    }
    if (length != 0 && load<u8>(name + length - 1) == DOT) length--;
    if (length == 0) return HELLO_ERROR_NAME;
    ClientHello.range(out + HELLO_NAME_OFFSET, name - address, length);
    store<u32>(out, RequestHead.hashTarget(name, <u32>length), HELLO_NAME_HASH);
    return 0;
  }

  /** RFC 7301 section 3.1: names of 1 to 255 bytes that fill their list. */
  private static protocols(address: usize, at: usize, end: usize, out: usize): u32 {
    if (at + 4 > end || at + 2 + ClientHello.be16(at) != end) return HELLO_ERROR_FORMAT;
    const first = at + 2;
    let next = first;
    while (next < end) {
      const length = <usize>load<u8>(next);
      if (length == 0) return HELLO_ERROR_FORMAT;
      next += 1 + length;
    }
    if (next != end) return HELLO_ERROR_FORMAT;
    ClientHello.range(out + HELLO_PROTOCOLS_OFFSET, first - address, end - first);
    return 0;
  }

  /** RFC 8446 section 4.2.1. */
  private static versions(at: usize, end: usize, out: usize): u32 {
    if (at == end) return HELLO_ERROR_FORMAT;
    const size = <usize>load<u8>(at);
    if (size == 0 || (size & 1) != 0 || at + 1 + size != end) return HELLO_ERROR_FORMAT;
    for (let next = at + 1; next < end; next += 2) {
      if (ClientHello.be16(next) != VERSION_TLS13) continue;
      store<u32>(out, load<u32>(out, HELLO_FLAGS) | HELLO_FLAG_TLS13, HELLO_FLAGS);
    }
    return 0;
  }

  @inline
  private static range(field: usize, offset: usize, length: usize): void {
    store<u16>(field, <u16>offset);
    store<u16>(field, <u16>length, RANGE_LENGTH);
  }

  @inline
  private static be16(at: usize): u32 {
    return <u32>bswap<u16>(load<u16>(at));
  }

  @inline
  private static be24(at: usize): u32 {
    return ((<u32>load<u8>(at)) << 16) | ClientHello.be16(at + 1);
  }
}

if (HELLO_NAME_LENGTH != HELLO_NAME_OFFSET + 2) ERROR('layout: name');
if (HELLO_SESSION_LENGTH != HELLO_SESSION_OFFSET + 2) ERROR('layout: session');
if (HELLO_TICKET_LENGTH != HELLO_TICKET_OFFSET + 2) ERROR('layout: ticket');
if (HELLO_PROTOCOLS_LENGTH != HELLO_PROTOCOLS_OFFSET + 2) ERROR('layout: protocols');
