// Where the responses of a server end (RFC 9112 section 6.3), read byte by byte so that a response may
// come in any pieces. What was read stands in the connection's record, RECORD_RESPONSE_*.
import { RESPONSE_TO_HEAD } from '../calls';
import { RECORD_RESPONSE_LEFT, RECORD_RESPONSE_MODE, RECORD_RESPONSES } from '../layout';
import { ByteClass } from './byte-class';

// What the next byte belongs to: the low byte of the mode. 0 between responses.
const STATUS: u32 = 0;
const REASON: u32 = 1;
const LINE_END: u32 = 2; // the LF of a line of the head
const LINE: u32 = 3;
const NAME: u32 = 4;
const VALUE: u32 = 5;
const LENGTH_BLANKS: u32 = 6;
const LENGTH_DIGITS: u32 = 7;
const LENGTH_REST: u32 = 8;
const CODING_BLANKS: u32 = 9;
const CODING: u32 = 10;
const HEAD_END: u32 = 11;
const BODY: u32 = 12;
const CHUNK_SIZE: u32 = 13;
const CHUNK_EXTENSION: u32 = 14;
const CHUNK_LINE_END: u32 = 15;
const CHUNK: u32 = 16;
const CHUNK_CR: u32 = 17;
const CHUNK_LF: u32 = 18;
const TRAILER: u32 = 19;
const TRAILER_TEXT: u32 = 20;
const TRAILER_LINE_END: u32 = 21;
const TRAILER_END: u32 = 22;
// what is never left again
const UNBOUNDED: u32 = 30; // until the server closes
const UPGRADED: u32 = 31;
const ODD: u32 = 32; // it is not clear what clients make of it

const PHASE: u32 = 0xff;
const PLACE_SHIFT: u32 = 8; // bytes of this name, value or number so far: the second byte
const PLACE_ONE: u32 = 1 << PLACE_SHIFT;
const PLACE: u32 = 0xff << PLACE_SHIFT;
// what the head said
const NAMES_LENGTH: u32 = 1 << 16; // the name so far is that of Content-Length
const NAMES_CODING: u32 = 1 << 17; // of Transfer-Encoding
const HAS_LENGTH: u32 = 1 << 18;
const IS_CHUNKED: u32 = 1 << 19;
const IS_INTERIM: u32 = 1 << 20;
const IS_EMPTY: u32 = 1 << 21;
const SWITCHES: u32 = 1 << 22;

const CR: u32 = 13;
const LF: u32 = 10;
const SPACE: u32 = 0x20;
const COLON: u32 = 0x3a;
const SEMICOLON: u32 = 0x3b;
const VERSION: u64 = 0x002e312f50545448; // HTTP/1.
const VERSION_SIZE: u32 = 7;
const STATUS_FROM: u32 = 9;
const STATUS_SIZE: u32 = 12;
const CHUNKED: u64 = 0x0064656b6e756863;
const CHUNKED_SIZE: u32 = 7;
const LENGTH_SIZE: u32 = 14; // content-length
const CODING_SIZE: u32 = 17; // transfer-encoding
const CHUNK_DIGITS: u32 = 13;
const MOST: u64 = 1 << 53;

export class Response {
  /** Every final response so far is complete, and none has begun. */
  @inline
  static isBetween(record: usize): bool {
    return (load<u32>(record, RECORD_RESPONSE_MODE) & (PHASE | PLACE)) == STATUS;
  }

  static isUpgraded(record: usize): bool {
    return (load<u32>(record, RECORD_RESPONSE_MODE) & PHASE) == UPGRADED;
  }

  /** Nothing more will be read. */
  @inline
  static isOver(record: usize): bool {
    return (load<u32>(record, RECORD_RESPONSE_MODE) & PHASE) >= UNBOUNDED;
  }

  /** Passes over bytes that were not seen; false when they would have to be read. */
  static skip(record: usize, count: u32): bool {
    const phase = load<u32>(record, RECORD_RESPONSE_MODE) & PHASE;
    if (phase >= UNBOUNDED) return true;
    if (phase != BODY && phase != CHUNK) return false;
    if (<u64>count > load<u64>(record, RECORD_RESPONSE_LEFT)) return false;
    Response.pass(record, count);
    return true;
  }

  /** Reads the bytes that follow those read before. */
  static take(record: usize, from: usize, end: usize): void {
    let at = from;
    while (at < end) {
      const mode = load<u32>(record, RECORD_RESPONSE_MODE);
      const phase = mode & PHASE;
      if (phase >= UNBOUNDED) return;
      if (phase == BODY || phase == CHUNK) {
        const left = load<u64>(record, RECORD_RESPONSE_LEFT);
        const count = <u32>min<u64>(left, <u64>(end - at));
        Response.pass(record, count);
        at += count;
      } else {
        const byte = <u32>load<u8>(at);
        const next =
          phase < CHUNK_SIZE
            ? Response.inHead(record, mode, byte)
            : Response.inChunks(record, mode, byte);
        store<u32>(record, next, RECORD_RESPONSE_MODE);
        at++;
      }
    }
  }

  /** Bytes of a body or chunk. */
  private static pass(record: usize, count: u32): void {
    const mode = load<u32>(record, RECORD_RESPONSE_MODE);
    const left = load<u64>(record, RECORD_RESPONSE_LEFT) - count;
    store<u64>(record, left, RECORD_RESPONSE_LEFT);
    if (left != 0) return;
    const next = (mode & PHASE) == BODY ? Response.complete(record) : CHUNK_CR;
    store<u32>(record, next, RECORD_RESPONSE_MODE);
  }

  @inline
  private static complete(record: usize): u32 {
    store<u32>(record, load<u32>(record, RECORD_RESPONSES) + 1, RECORD_RESPONSES);
    store<u64>(record, 0, RECORD_RESPONSE_LEFT);
    return STATUS;
  }

  private static inHead(record: usize, mode: u32, byte: u32): u32 {
    const phase = mode & PHASE;
    const rest = mode & ~(PHASE | PLACE);
    if (phase == STATUS) return Response.status(record, mode, byte);
    if (phase == LINE_END) return byte == LF ? rest | LINE : ODD;
    if (phase == HEAD_END) return byte == LF ? Response.body(record, mode) : ODD;
    if (phase == LINE) {
      if (byte == CR) return rest | HEAD_END;
      return Response.name(rest | NAMES_LENGTH | NAMES_CODING | NAME, byte);
    }
    if (phase == NAME) return Response.name(mode, byte);
    if (byte == LF) return ODD;
    if (phase == LENGTH_BLANKS || phase == LENGTH_DIGITS || phase == LENGTH_REST) {
      return Response.length(record, mode, byte);
    }
    if (phase == CODING_BLANKS || phase == CODING) return Response.coding(mode, byte);
    return byte == CR ? rest | LINE_END : mode; // reasons, and values of other fields
  }

  private static status(record: usize, mode: u32, byte: u32): u32 {
    const place = (mode & PLACE) >> PLACE_SHIFT;
    if (place < VERSION_SIZE) {
      return byte == ((<u32>(VERSION >> ((<u64>place) << 3))) & 0xff) ? mode + PLACE_ONE : ODD;
    }
    if (place + 2 == STATUS_FROM) return ByteClass.isDigit(byte) ? mode + PLACE_ONE : ODD;
    if (place + 1 == STATUS_FROM) return byte == SPACE ? mode + PLACE_ONE : ODD;
    if (place < STATUS_SIZE) return Response.digit(record, byte) ? mode + PLACE_ONE : ODD;
    const status = load<u64>(record, RECORD_RESPONSE_LEFT);
    store<u64>(record, 0, RECORD_RESPONSE_LEFT);
    let said = mode & RESPONSE_TO_HEAD;
    if (status < 100) return ODD;
    if (status == 101) said |= SWITCHES;
    else if (status < 200) said |= IS_INTERIM;
    else if (status == 204 || status == 304) said |= IS_EMPTY;
    if (byte == CR) return said | LINE_END;
    return byte == SPACE ? said | REASON : ODD;
  }

  /** A byte of a field's name, or its colon. No blank may stand there (RFC 9112 section 5.1). */
  private static name(mode: u32, byte: u32): u32 {
    const place = (mode & PLACE) >> PLACE_SHIFT;
    const rest = mode & ~(PHASE | PLACE);
    if (byte == COLON) {
      if ((mode & NAMES_LENGTH) != 0 && place == LENGTH_SIZE) return rest | LENGTH_BLANKS;
      if ((mode & NAMES_CODING) != 0 && place == CODING_SIZE) return rest | CODING_BLANKS;
      return place == 0 ? ODD : rest | VALUE;
    }
    if (byte <= SPACE) return ODD;
    const lower = byte | 0x20;
    let next = mode;
    if (lower != Response.lengthName(place)) next &= ~NAMES_LENGTH;
    if (lower != Response.codingName(place)) next &= ~NAMES_CODING;
    return place == 0xff ? next : next + PLACE_ONE;
  }

  /** Small letter at that place of the name; 0 behind its end. "-" has the letters' bit, too. */
  @inline
  private static lengthName(place: u32): u32 {
    if (place < 8) return (<u32>(0x2d746e65746e6f63 >> ((<u64>place) << 3))) & 0xff; // content-
    return (
      (<u32>(0x00006874676e656c >> ((<u64>(place & 7)) << 3))) & (place < LENGTH_SIZE ? 0xff : 0)
    );
  }

  @inline
  private static codingName(place: u32): u32 {
    const shift = (<u64>(place & 7)) << 3;
    if (place < 8) return (<u32>(0x726566736e617274 >> shift)) & 0xff; // transfer
    if (place < 16) return (<u32>(0x6e69646f636e652d >> shift)) & 0xff; // -encodin
    return place == 16 ? 0x67 : 0; // g
  }

  private static length(record: usize, mode: u32, byte: u32): u32 {
    const phase = mode & PHASE;
    const rest = mode & ~(PHASE | PLACE);
    if (phase == LENGTH_BLANKS) {
      if (ByteClass.isBlank(byte)) return mode;
      if ((mode & HAS_LENGTH) != 0) return ODD; // twice, or a list
      return Response.digit(record, byte) ? rest | HAS_LENGTH | LENGTH_DIGITS : ODD;
    }
    if (byte == CR) return rest | LINE_END;
    if (ByteClass.isBlank(byte)) return rest | LENGTH_REST;
    return phase == LENGTH_DIGITS && Response.digit(record, byte) ? mode : ODD;
  }

  private static coding(mode: u32, byte: u32): u32 {
    const rest = mode & ~(PHASE | PLACE);
    const place = (mode & PLACE) >> PLACE_SHIFT;
    if (ByteClass.isBlank(byte)) return place == 0 || place == CHUNKED_SIZE ? mode : ODD;
    if (byte == CR) {
      const once = place == CHUNKED_SIZE && (mode & IS_CHUNKED) == 0;
      return once ? rest | IS_CHUNKED | LINE_END : ODD;
    }
    const wanted = (<u32>(CHUNKED >> ((<u64>place) << 3))) & 0xff;
    if (place >= CHUNKED_SIZE || (byte | 0x20) != wanted) return ODD;
    return rest | CODING | ((place + 1) << PLACE_SHIFT);
  }

  /** The head is complete: what follows it. */
  private static body(record: usize, mode: u32): u32 {
    if ((mode & SWITCHES) != 0) return UPGRADED;
    if ((mode & IS_INTERIM) != 0) {
      store<u64>(record, 0, RECORD_RESPONSE_LEFT);
      return (mode & RESPONSE_TO_HEAD) | STATUS;
    }
    if ((mode & (IS_EMPTY | RESPONSE_TO_HEAD)) != 0) return Response.complete(record);
    const both = HAS_LENGTH | IS_CHUNKED;
    if ((mode & both) == both) return ODD;
    if ((mode & IS_CHUNKED) != 0) return CHUNK_SIZE;
    if ((mode & HAS_LENGTH) == 0) return UNBOUNDED;
    return load<u64>(record, RECORD_RESPONSE_LEFT) == 0 ? Response.complete(record) : BODY;
  }

  private static inChunks(record: usize, mode: u32, byte: u32): u32 {
    const phase = mode & PHASE;
    if (phase == CHUNK_SIZE) return Response.chunkSize(record, mode, byte);
    if (phase == CHUNK_CR) return byte == CR ? CHUNK_LF : ODD;
    if (phase == TRAILER_TEXT || phase == CHUNK_EXTENSION) {
      if (byte == LF) return ODD;
      if (byte != CR) return mode;
      return phase == TRAILER_TEXT ? TRAILER_LINE_END : CHUNK_LINE_END;
    }
    if (phase == TRAILER) {
      if (byte == LF) return ODD;
      return byte == CR ? TRAILER_END : TRAILER_TEXT;
    }
    if (byte != LF) return ODD;
    if (phase == CHUNK_LF) return CHUNK_SIZE;
    if (phase == TRAILER_LINE_END) return TRAILER;
    if (phase == TRAILER_END) return Response.complete(record);
    return load<u64>(record, RECORD_RESPONSE_LEFT) == 0 ? TRAILER : CHUNK;
  }

  private static chunkSize(record: usize, mode: u32, byte: u32): u32 {
    const place = (mode & PLACE) >> PLACE_SHIFT;
    if (ByteClass.isHexadecimal(byte)) {
      const digit = ByteClass.isDigit(byte) ? byte - 0x30 : (byte | 0x20) - 0x57;
      if (place == CHUNK_DIGITS) return ODD;
      const size = load<u64>(record, RECORD_RESPONSE_LEFT);
      store<u64>(record, (size << 4) | digit, RECORD_RESPONSE_LEFT);
      return mode + PLACE_ONE;
    }
    if (place == 0) return ODD;
    if (byte == CR) return CHUNK_LINE_END;
    return byte == SEMICOLON || ByteClass.isBlank(byte) ? CHUNK_EXTENSION : ODD;
  }

  /** Appends a digit to the number in RECORD_RESPONSE_LEFT; false: it is none, or one too many. */
  private static digit(record: usize, byte: u32): bool {
    const value = load<u64>(record, RECORD_RESPONSE_LEFT) * 10 + (byte - 0x30);
    if (!ByteClass.isDigit(byte) || value > MOST) return false;
    store<u64>(record, value, RECORD_RESPONSE_LEFT);
    return true;
  }
}
