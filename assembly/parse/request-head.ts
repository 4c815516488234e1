import {
  HEAD_HEADER_COUNT,
  HEAD_HEADER_LIMIT,
  HEAD_HEADER_SIZE,
  HEAD_HEADERS,
  HEAD_LENGTH,
  HEAD_LIMIT,
  HEAD_METHOD_LENGTH,
  HEAD_METHOD_OFFSET,
  HEAD_PATH_LENGTH,
  HEAD_PATH_OFFSET,
  HEAD_TARGET_HASH,
  HEAD_VERSION,
} from '../calls';
import { ByteClass } from './byte-class';
import {
  HEAD_ERROR_CONNECT,
  HEAD_ERROR_FOLD,
  HEAD_ERROR_LINE_END,
  HEAD_ERROR_METHOD,
  HEAD_ERROR_NAME,
  HEAD_ERROR_SPACE_BEFORE_COLON,
  HEAD_ERROR_TARGET,
  HEAD_ERROR_TOO_LONG,
  HEAD_ERROR_VALUE,
  HEAD_ERROR_VERSION,
} from './head-errors';
import { HeadFields } from './head-fields';
import { HeadTarget } from './head-target';

const CR: u32 = 13;
const LF: u32 = 10;
const TABULATOR: u32 = 9;
const SPACE: u32 = 0x20;
const COLON: u32 = 0x3a;
const GET_SPACE: u32 = 0x20544547;
const METHOD_LIMIT: usize = 32;
const VERSION_SIZE: usize = 10; // with its line end
const HTTP_1_1: u64 = 0x312e312f50545448;
const SEED: u64 = 0x9e3779b97f4a7c15;
const MULTIPLIER: u64 = 0xd6e8feb86659fd93;
const SLASH_WORD: u64 = 0x2f;
const LAST_DIGIT_BIT: u64 = 0x0100000000000000; // 1.1 has it, 1.0 has not
const CRLF: u32 = 0x0a0d;
const RESULT_SIZE: usize = HEAD_HEADERS; // what stands before the fields, a multiple of 16
const LIMIT: u32 = HEAD_LIMIT;
const FIELD_LIMIT: u32 = HEAD_HEADER_LIMIT;

/**
 * The head of an HTTP/1.0 or HTTP/1.1 request (RFC 9112): strict, since the server reads the same
 * bytes with another parser. Nothing is repaired. Functions return an offset from the head's first
 * byte (> 0), 0 if more bytes are needed, or the negative of a HEAD_ERROR_*.
 */
export class RequestHead {
  /**
   * Parses `length` bytes, fills the record at `out` (layout.ts, HEAD_*), returns the head's
   * length.
   */
  static parse(address: usize, length: u32, out: usize): i32 {
    for (let at: usize = 0; at < RESULT_SIZE; at += 16) v128.store(out + at, i64x2.splat(0));
    const end = address + min<u32>(length, LIMIT);
    const line = RequestHead.requestLine(address, end, out);
    const size = line > 0 ? RequestHead.fields(address, address + line, end, out) : line;
    if (size <= 0) return size == 0 && length >= LIMIT ? -HEAD_ERROR_TOO_LONG : size;
    const error = HeadFields.finish(out);
    if (error != 0) return -error;
    const path = address + <usize>load<u16>(out, HEAD_PATH_OFFSET);
    store<u32>(out, size, HEAD_LENGTH);
    store<u32>(
      out,
      RequestHead.hashTarget(path, load<u16>(out, HEAD_PATH_LENGTH)),
      HEAD_TARGET_HASH,
    );
    return size;
  }

  /** Method, target, version; one empty line before it is skipped (RFC 9112 section 2.2). */
  @inline
  static requestLine(head: usize, end: usize, out: usize): i32 {
    let method = head;
    let methodEnd = head + 3;
    if (head + 4 > end || load<u32>(head) != GET_SPACE) {
      if (head < end && load<u8>(head) == CR) {
        if (head + 1 == end) return 0;
        if (load<u8>(head + 1) != LF) return -HEAD_ERROR_LINE_END;
        method = head + 2;
      }
      methodEnd = ByteClass.skip(method, end, ByteClass.token());
      if (methodEnd - method > METHOD_LIMIT) return -HEAD_ERROR_METHOD;
      if (methodEnd == end) return 0;
      if (methodEnd == method || load<u8>(methodEnd) != SPACE) return -HEAD_ERROR_METHOD;
      if (RequestHead.isMethod(method, methodEnd, 0x4e4e4f43, 0x5443454e)) {
        return -HEAD_ERROR_CONNECT; // CONN NECT
      }
    }
    store<u16>(out, <u16>(method - head), HEAD_METHOD_OFFSET);
    store<u16>(out, <u16>(methodEnd - method), HEAD_METHOD_LENGTH);

    const target = methodEnd + 1;
    const targetEnd = ByteClass.skipVisible(target, end);
    if (targetEnd == end) return 0;
    const byte = <u32>load<u8>(targetEnd);
    if (byte == CR || byte == LF) return -HEAD_ERROR_VERSION;
    if (byte != SPACE || targetEnd == target) return -HEAD_ERROR_TARGET;
    const version = RequestHead.version(targetEnd + 1, end, out);
    if (version <= 0) return version;
    const options = RequestHead.isMethod(method, methodEnd, 0x4954504f, 0x534e4f49); // OPTI IONS
    const error = HeadTarget.parse(head, target, targetEnd, options, out);
    if (error != 0) return -error;
    return <i32>(targetEnd + 1 + VERSION_SIZE - head);
  }

  /** A method of seven bytes, given by its first and last four; methods are case-sensitive. */
  @inline
  static isMethod(from: usize, to: usize, first: u32, last: u32): bool {
    return to - from == 7 && load<u32>(from) == first && load<u32>(from + 3) == last;
  }

  /**
   * "HTTP/1.0" or "HTTP/1.1" and the line's end; 1 = they are there, all else is found out slowly.
   */
  @inline
  static version(at: usize, end: usize, out: usize): i32 {
    const there = end - at;
    if (there >= VERSION_SIZE && load<u16>(at + 8) == CRLF) {
      const word = load<u64>(at);
      if ((word | LAST_DIGIT_BIT) == HTTP_1_1) {
        store<u16>(out, 10 + ((<u16>(word >> 56)) & 1), HEAD_VERSION);
        return 1;
      }
    }
    for (let i: usize = 0; i < 8; i++) {
      if (i == there) return 0;
      const expected = (HTTP_1_1 >> ((<u64>i) << 3)) & 0xff;
      const byte = <u64>load<u8>(at + i);
      if (byte != expected && (i != 7 || byte != 0x30)) return -HEAD_ERROR_VERSION;
    }
    if (there == 8) return 0;
    const byte = load<u8>(at + 8);
    if (byte == LF) return -HEAD_ERROR_LINE_END;
    if (byte != CR) return -HEAD_ERROR_VERSION;
    return there == 9 ? 0 : -HEAD_ERROR_LINE_END;
  }

  /**
   * Field lines and the empty line that ends them. Where lines may end is found out 64 bytes at a time,
   * whatever stands in them: so no line waits for the one before it.
   */
  static fields(head: usize, from: usize, end: usize, out: usize): i32 {
    const records = out + HEAD_HEADERS;
    let at = from;
    let record = records;
    let block = from;
    let stops = ByteClass.stops(block, end);
    while (at < end) {
      if (load<u8>(at) == CR) {
        const ended = RequestHead.lineEnd(at, end);
        if (ended <= 0) return ended;
        store<u32>(out, <u32>(record - records) / HEAD_HEADER_SIZE, HEAD_HEADER_COUNT);
        return <i32>(at + 2 - head);
      }
      const nameEnd = RequestHead.nameEnd(at, end);
      if (nameEnd == end) return 0;
      if (nameEnd == at) return RequestHead.nameError(at, nameEnd);
      if (load<u8>(nameEnd) != COLON) return RequestHead.nameError(at, nameEnd);
      const value = HeadFields.skipBlanks(nameEnd + 1, end);
      let lineEnd: usize = 0;
      for (;;) {
        while (stops == 0) {
          block += 64;
          stops = ByteClass.stops(block, end);
        }
        lineEnd = block + <usize>ctz(stops);
        stops &= stops - 1;
        if (lineEnd + 1 < end) {
          if (load<u16>(lineEnd) == CRLF) break;
        }
        if (lineEnd < at) continue; // the LF before this line
        if (lineEnd == end) return 0;
        const byte = <u32>load<u8>(lineEnd);
        if (byte < 0x80 && byte != TABULATOR) return RequestHead.lineEnd(lineEnd, end);
      }
      stops &= stops - 1; // its LF, unless the block ends between them
      if (record == records + FIELD_LIMIT * HEAD_HEADER_SIZE) return -HEAD_ERROR_TOO_LONG;
      const valueEnd = HeadFields.trimBlanks(value, lineEnd);
      const names = (<u32>(at - head)) | ((<u32>(nameEnd - at)) << 16);
      const values = (<u32>(value - head)) | ((<u32>(valueEnd - value)) << 16);
      store<u64>(record, (<u64>names) | ((<u64>values) << 32));
      record += HEAD_HEADER_SIZE;
      const error = HeadFields.take(head, at, nameEnd - at, value, valueEnd, out);
      if (error != 0) return -error;
      at = lineEnd + 2;
    }
    return 0;
  }

  /** Address of the first byte that no token has, in nearly all names the colon; `end` without one. */
  @inline
  static nameEnd(at: usize, end: usize): usize {
    if (at + 16 < end) {
      at += <usize>ctz(ByteClass.notInWords(v128.load(at)) | 0x10000);
      if (load<u8>(at) == COLON) return at;
    }
    return ByteClass.skip(at, end, ByteClass.token());
  }

  /** 1 = CR LF at `at`. */
  @inline
  static lineEnd(at: usize, end: usize): i32 {
    const byte = <u32>load<u8>(at);
    if (byte != CR) return byte == LF ? -HEAD_ERROR_LINE_END : -HEAD_ERROR_VALUE;
    if (at + 1 == end) return 0;
    return load<u8>(at + 1) == LF ? 1 : -HEAD_ERROR_LINE_END;
  }

  static nameError(name: usize, at: usize): i32 {
    const byte = <u32>load<u8>(at);
    if (ByteClass.isBlank(byte)) {
      return at == name ? -HEAD_ERROR_FOLD : -HEAD_ERROR_SPACE_BEFORE_COLON;
    }
    return byte == LF || (byte == CR && at > name) ? -HEAD_ERROR_LINE_END : -HEAD_ERROR_NAME;
  }

  /**
   * 32-bit hash of a target's bytes, the same on every host; an empty path counts as "/" (RFC 9110
   * section 4.2.3). Words of eight bytes, little endian, the last one filled up with zeros: h = (h
   * ^ word) * MULTIPLIER; h ^= h >> 32, beginning with SEED + length; the high half of a last
   * multiplication is the result.
   */
  static hashTarget(address: usize, length: u32): u32 {
    if (length == 0) return RequestHead.finishHash(RequestHead.mixHash(SEED + 1, SLASH_WORD));
    const end = address + length;
    let hash = SEED + <u64>length;
    for (; address + 8 <= end; address += 8) hash = RequestHead.mixHash(hash, load<u64>(address));
    const rest = <u64>(end - address);
    if (rest != 0) {
      // the last eight bytes, without those that were mixed in before
      hash = RequestHead.mixHash(hash, load<u64>(end - 8) >> ((8 - rest) << 3));
    }
    return RequestHead.finishHash(hash);
  }

  @inline
  static mixHash(hash: u64, word: u64): u64 {
    const product = (hash ^ word) * MULTIPLIER;
    return product ^ (product >> 32);
  }

  @inline
  static finishHash(hash: u64): u32 {
    return <u32>((hash * MULTIPLIER) >> 32);
  }
}
