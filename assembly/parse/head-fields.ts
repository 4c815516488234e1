import {
  HEAD_CONTENT_LENGTH,
  HEAD_FLAG_CHUNKED,
  HEAD_FLAG_CLOSE,
  HEAD_FLAG_CONTENT_LENGTH,
  HEAD_FLAG_EXPECT,
  HEAD_FLAG_KEEP_ALIVE,
  HEAD_FLAG_UPGRADE,
  HEAD_FLAGS,
  HEAD_HOST_LENGTH,
  HEAD_HOST_OFFSET,
  HEAD_PATH_OFFSET,
  HEAD_VERSION,
} from '../calls';
import { ByteClass } from './byte-class';
import {
  HEAD_ERROR_BOTH_LENGTHS,
  HEAD_ERROR_CONTENT_LENGTH,
  HEAD_ERROR_HOST,
  HEAD_ERROR_HOST_DIFFERS,
  HEAD_ERROR_HOST_MISSING,
  HEAD_ERROR_HOST_TWICE,
  HEAD_ERROR_TRANSFER_ENCODING,
} from './head-errors';
import { HeadTarget } from './head-target';

// lengths of the names that take() knows
const SIZES: u32 = (1 << 4) | (1 << 6) | (1 << 7) | (1 << 10) | (1 << 14) | (1 << 17);
const LONGEST: usize = 17;
// seen while parsing; not in the result
const SEEN_HOST: u32 = 0x80000000;
const CONTENT_LENGTH_DIGITS: usize = 15; // below 2^53
const COMMA: u32 = 0x2c;

/**
 * The fields that decide where a request goes and where it ends. Functions return 0 or a
 * HEAD_ERROR_*.
 */
export class HeadFields {
  /**
   * One field: the name has token bytes only, the value [from, to) no control byte and no outer
   * blanks.
   */
  @inline
  static take(head: usize, name: usize, size: usize, from: usize, to: usize, out: usize): i32 {
    if (size > LONGEST || ((SIZES >> (<u32>size)) & 1) == 0) return 0;
    if (size == 4) {
      const host = ByteClass.lower32(name) == 0x74736f68; // host
      return host ? HeadFields.host(head, from, to, out) : 0;
    }
    if (size == 6) {
      if (ByteClass.lower32(name) == 0x65707865 && ByteClass.lower16(name + 4) == 0x7463) {
        HeadFields.expect(from, to, out); // expe ct
      }
    } else if (size == 7) {
      if (ByteClass.lower32(name) == 0x72677075 && ByteClass.lower32(name + 3) == 0x65646172) {
        HeadFields.flag(out, HEAD_FLAG_UPGRADE); // upgr rade
      }
    } else if (size == 10) {
      if (
        ByteClass.lower64(name) == 0x697463656e6e6f63 && // connecti
        ByteClass.lower16(name + 8) == 0x6e6f // on
      ) {
        HeadFields.connection(from, to, out);
      }
    } else if (size == 14) {
      if (
        ByteClass.lower64(name) == 0x2d746e65746e6f63 && // content-
        ByteClass.lower64(name + 6) == 0x6874676e656c2d74 // t-length
      ) {
        return HeadFields.contentLength(from, to, out);
      }
    } else if (size == 17) {
      if (
        ByteClass.lower64(name) == 0x726566736e617274 && // transfer
        ByteClass.lower64(name + 8) == 0x6e69646f636e652d && // -encodin
        ByteClass.lower8(name + 16) == 0x67 // g
      ) {
        return HeadFields.transferEncoding(from, to, out);
      }
    }
    return 0;
  }

  /** What only the whole head can tell. */
  @inline
  static finish(out: usize): i32 {
    const flags = load<u32>(out, HEAD_FLAGS);
    store<u32>(out, flags & ~SEEN_HOST, HEAD_FLAGS);
    if ((flags & SEEN_HOST) == 0 && load<u16>(out, HEAD_VERSION) == 11) {
      return HEAD_ERROR_HOST_MISSING;
    }
    const both = HEAD_FLAG_CHUNKED | HEAD_FLAG_CONTENT_LENGTH;
    return (flags & both) == both ? HEAD_ERROR_BOTH_LENGTHS : 0;
  }

  @inline
  static flag(out: usize, flag: u32): void {
    store<u32>(out, load<u32>(out, HEAD_FLAGS) | flag, HEAD_FLAGS);
  }

  /** With an absolute-form target Host must repeat its authority (RFC 9112 section 3.2.2). */
  static host(head: usize, from: usize, to: usize, out: usize): i32 {
    if (load<u32>(out, HEAD_FLAGS) & SEEN_HOST) return HEAD_ERROR_HOST_TWICE;
    HeadFields.flag(out, SEEN_HOST);
    if (from == to) return HEAD_ERROR_HOST;
    if (load<u16>(out, HEAD_HOST_LENGTH) == 0) return HeadTarget.host(head, from, to, out);
    const authority = head + <usize>load<u16>(out, HEAD_HOST_OFFSET);
    const size = head + <usize>load<u16>(out, HEAD_PATH_OFFSET) - authority;
    const same = size == to - from && ByteClass.equal(authority, from, <u32>size);
    return same ? 0 : HEAD_ERROR_HOST_DIFFERS;
  }

  /**
   * One plain number. RFC 9112 section 6.3 lets equal ones in a list pass; servers disagree, so no.
   */
  static contentLength(from: usize, to: usize, out: usize): i32 {
    if (load<u32>(out, HEAD_FLAGS) & HEAD_FLAG_CONTENT_LENGTH) return HEAD_ERROR_CONTENT_LENGTH;
    if (from == to || to - from > CONTENT_LENGTH_DIGITS) return HEAD_ERROR_CONTENT_LENGTH;
    let number: u64 = 0;
    for (let at = from; at < to; at++) {
      const byte = <u32>load<u8>(at);
      if (!ByteClass.isDigit(byte)) return HEAD_ERROR_CONTENT_LENGTH;
      number = number * 10 + <u64>(byte - 0x30);
    }
    HeadFields.flag(out, HEAD_FLAG_CONTENT_LENGTH);
    store<f64>(out, <f64>number, HEAD_CONTENT_LENGTH);
    return 0;
  }

  /** Codings without parameters, "chunked" once and last (RFC 9112 sections 6.1, 7). */
  static transferEncoding(from: usize, to: usize, out: usize): i32 {
    const again = load<u32>(out, HEAD_FLAGS) & HEAD_FLAG_CHUNKED;
    if (again || load<u16>(out, HEAD_VERSION) != 11) return HEAD_ERROR_TRANSFER_ENCODING;
    let at = from;
    while (at < to) {
      const end = ByteClass.skip(at, to, ByteClass.token());
      if (end == at) return HEAD_ERROR_TRANSFER_ENCODING;
      const chunked =
        end - at == 7 &&
        ByteClass.lower32(at) == 0x6e756863 && // chun
        ByteClass.lower32(at + 3) == 0x64656b6e; // nked
      at = HeadFields.skipBlanks(end, to);
      if (chunked) {
        if (at != to) return HEAD_ERROR_TRANSFER_ENCODING;
        HeadFields.flag(out, HEAD_FLAG_CHUNKED);
        return 0;
      }
      if (at == to || load<u8>(at) != COMMA) return HEAD_ERROR_TRANSFER_ENCODING;
      at = HeadFields.skipBlanks(at + 1, to);
    }
    return HEAD_ERROR_TRANSFER_ENCODING;
  }

  /** Options of other names are the server's business. */
  static connection(from: usize, to: usize, out: usize): void {
    let at = from;
    while (at < to) {
      const end = ByteClass.skip(at, to, ByteClass.token());
      const size = end - at;
      if (size == 5) {
        if (ByteClass.lower32(at) == 0x736f6c63 && ByteClass.lower8(at + 4) == 0x65) {
          HeadFields.flag(out, HEAD_FLAG_CLOSE); // clos e
        }
      } else if (size == 10) {
        if (
          ByteClass.lower64(at) == 0x696c612d7065656b && // keep-ali
          ByteClass.lower16(at + 8) == 0x6576 // ve
        ) {
          HeadFields.flag(out, HEAD_FLAG_KEEP_ALIVE);
        }
      }
      at = end + 1;
    }
  }

  static expect(from: usize, to: usize, out: usize): void {
    if (to - from != 12) return;
    if (
      ByteClass.lower64(from) == 0x746e6f632d303031 && // 100-cont
      ByteClass.lower32(from + 8) == 0x65756e69 // inue
    ) {
      HeadFields.flag(out, HEAD_FLAG_EXPECT);
    }
  }

  /** One blank, as nearly always, is gone over without a loop. */
  @inline
  static skipBlanks(at: usize, to: usize): usize {
    if (at + 1 < to) {
      if (load<u8>(at) == 0x20) at++;
      if (<u32>load<u8>(at) > 0x20) return at;
    }
    while (at < to && ByteClass.isBlank(load<u8>(at))) at++;
    return at;
  }

  /** Address behind the last byte of [at, to) that is no blank; there is one before `at`. */
  @inline
  static trimBlanks(at: usize, to: usize): usize {
    if (<u32>load<u8>(to - 1) > 0x20) return to;
    while (to > at && ByteClass.isBlank(load<u8>(to - 1))) to--;
    return to;
  }
}
