import {
  HEAD_FLAG_PATH_SPELLING,
  HEAD_FLAGS,
  HEAD_HOST_LENGTH,
  HEAD_HOST_OFFSET,
  HEAD_PATH_LENGTH,
  HEAD_PATH_OFFSET,
  HEAD_QUERY_LENGTH,
  HEAD_QUERY_OFFSET,
  HEAD_TARGET_LENGTH,
  HEAD_TARGET_OFFSET,
} from '../calls';
import { ByteClass } from './byte-class';
import {
  HEAD_ERROR_ESCAPE,
  HEAD_ERROR_FRAGMENT,
  HEAD_ERROR_HOST,
  HEAD_ERROR_TARGET,
  HEAD_ERROR_USERINFO,
} from './head-errors';

const SLASH: u32 = 0x2f;
const DOT: u32 = 0x2e;
const COLON: u32 = 0x3a;
const HTTP_WORD: u32 = 0x70747468; // http
const COLON_SLASH_SLASH: u32 = 0x2f2f3a; // ://
const PORT_DIGITS: usize = 5;
const PORT_LIMIT: u32 = 65535;

/** Request targets (RFC 9112 section 3.2) and hosts. Functions return 0 or a HEAD_ERROR_*. */
export class HeadTarget {
  /** [from, to) is not empty and all visible; `options` = the method is OPTIONS. */
  static parse(head: usize, from: usize, to: usize, options: bool, out: usize): i32 {
    store<u16>(out, <u16>(from - head), HEAD_TARGET_OFFSET);
    store<u16>(out, <u16>(to - from), HEAD_TARGET_LENGTH);
    const first = <u32>load<u8>(from);
    if (first == SLASH) return HeadTarget.path(head, from, to, out);
    if (first == 0x2a && to - from == 1 && options) {
      store<u16>(out, <u16>(from - head), HEAD_PATH_OFFSET);
      store<u16>(out, 1, HEAD_PATH_LENGTH);
      return 0;
    }
    return HeadTarget.absolute(head, from, to, out);
  }

  /** absolute-form: scheme, authority, path that may be empty. */
  static absolute(head: usize, from: usize, to: usize, out: usize): i32 {
    if (to - from < 8 || ByteClass.lower32(from) != HTTP_WORD) return HEAD_ERROR_TARGET;
    const secure: usize = ByteClass.lower8(from + 4) == 0x73 ? 1 : 0;
    if ((load<u32>(from + 4 + secure) & 0xffffff) != COLON_SLASH_SLASH) return HEAD_ERROR_TARGET;
    const authority = from + 7 + secure;
    let at = authority;
    while (at < to && load<u8>(at) != SLASH && load<u8>(at) != 0x3f && load<u8>(at) != 0x23) at++;
    const error = HeadTarget.host(head, authority, at, out);
    if (error != 0) return error;
    return HeadTarget.path(head, at, to, out);
  }

  /** Path and query; notes whether the path could be spelled otherwise (RFC 3986 section 6.2.2). */
  static path(head: usize, from: usize, to: usize, out: usize): i32 {
    let at = HeadTarget.plainPath(from, to);
    let spelling: u32 = 0;
    let byte: u32 = at < to ? load<u8>(at) : 0;
    if (at < to && byte != 0x3f) {
      at = from;
      for (;;) {
        at = ByteClass.skip(at, to, ByteClass.pathPlain());
        if (at == to) break;
        byte = load<u8>(at);
        if (byte == SLASH) {
          if (HeadTarget.emptyOrDots(at + 1, to)) spelling = HEAD_FLAG_PATH_SPELLING;
        } else if (byte == 0x25) {
          if (!HeadTarget.escape(at, to)) return HEAD_ERROR_ESCAPE;
          spelling = HEAD_FLAG_PATH_SPELLING;
        } else if (byte == 0x3b) {
          spelling = HEAD_FLAG_PATH_SPELLING;
        } else {
          break;
        }
        at++;
      }
    }
    store<u16>(out, <u16>(from - head), HEAD_PATH_OFFSET);
    store<u16>(out, <u16>(at - from), HEAD_PATH_LENGTH);
    if (spelling != 0) store<u32>(out, load<u32>(out, HEAD_FLAGS) | spelling, HEAD_FLAGS);
    if (at == to) return 0;
    if (byte == 0x23) return HEAD_ERROR_FRAGMENT;
    if (byte != 0x3f) return HEAD_ERROR_TARGET;
    const query = at + 1;
    store<u16>(out, <u16>(query - head), HEAD_QUERY_OFFSET);
    store<u16>(out, <u16>(to - query), HEAD_QUERY_LENGTH);
    return ByteClass.find(query, to, 0x23) == to ? 0 : HEAD_ERROR_FRAGMENT;
  }

  /**
   * Where a path of plain bytes and slashes ends: at "?" or `to`. Another byte's address: it has to be
   * looked at byte by byte, as what is there is not plain, or a slash has a slash or dot behind it.
   */
  @inline
  static plainPath(from: usize, to: usize): usize {
    let slash: u32 = 0; // the byte before was one
    for (let at = from; at < to; at += 16) {
      const there = at + 16 <= to;
      const shift = there ? 0 : <u32>(at + 16 - to);
      const bytes = v128.load(there ? at : to - 16);
      const slashes = ByteClass.equals(bytes, SLASH) >> shift;
      const behind = (ByteClass.equals(bytes, DOT) >> shift) | slashes;
      const ends = (ByteClass.outside(bytes, ByteClass.pathBytes()) >> shift) | (0x10000 >> shift);
      const end = <u32>ctz(ends);
      const odd = behind & ((slashes << 1) | slash) & ((1 << end) - 1);
      if (odd != 0) return at + <usize>ctz(odd);
      if (end != 16) return at + <usize>end;
      slash = slashes >> 15;
    }
    return to;
  }

  /** A segment that begins behind a slash is "." or ".." or, with more behind it, empty. */
  @inline
  static emptyOrDots(segment: usize, to: usize): bool {
    if (segment == to) return false;
    if (load<u8>(segment) == SLASH) return true;
    let at = segment;
    while (at < to && at < segment + 3 && load<u8>(at) == DOT) at++;
    const dots = at - segment;
    if (dots == 0 || dots == 3) return false;
    return at == to || load<u8>(at) == SLASH || load<u8>(at) == 0x3f;
  }

  @inline
  static escape(percent: usize, to: usize): bool {
    if (percent + 3 > to) return false;
    const high = <u32>load<u8>(percent + 1);
    const low = <u32>load<u8>(percent + 2);
    if (high == 0x30 && low == 0x30) return false;
    return ByteClass.isHexadecimal(high) && ByteClass.isHexadecimal(low);
  }

  /**
   * A host with an optional port (RFC 3986 section 3.2.2); names are held to unreserved characters.
   */
  static host(head: usize, from: usize, to: usize, out: usize): i32 {
    let end = from;
    let port = from;
    if (from < to && load<u8>(from) == 0x5b) {
      end = ByteClass.skip(from + 1, to, ByteClass.addressLiteral());
      if (end < from + 3 || end == to || load<u8>(end) != 0x5d) return HEAD_ERROR_HOST;
      end++;
      port = end;
    } else {
      port = ByteClass.skip(from, to, ByteClass.hostName());
      end = port > from && load<u8>(port - 1) == DOT ? port - 1 : port;
      if (!HeadTarget.labels(from, end)) {
        return HeadTarget.hasUserinfo(from, to) ? HEAD_ERROR_USERINFO : HEAD_ERROR_HOST;
      }
    }
    if (port < to && !HeadTarget.port(port, to)) {
      return HeadTarget.hasUserinfo(from, to) ? HEAD_ERROR_USERINFO : HEAD_ERROR_HOST;
    }
    store<u16>(out, <u16>(from - head), HEAD_HOST_OFFSET);
    store<u16>(out, <u16>(end - from), HEAD_HOST_LENGTH);
    return 0;
  }

  /** No label is empty: no dot first, last, or behind another one. */
  static labels(from: usize, end: usize): bool {
    let before: u32 = 1; // whether a label must begin here
    for (; from + 16 <= end; from += 16) {
      const dots = ByteClass.equals(v128.load(from), DOT);
      if ((dots & ((dots << 1) | before)) != 0) return false;
      before = dots >> 15;
    }
    const rest = <u32>(end - from);
    const dots = ByteClass.equals(ByteClass.lastBytes(end), DOT) >> (16 - rest);
    return ((dots | (1 << rest)) & ((dots << 1) | before)) == 0;
  }

  /** A colon and at most five digits up to 65535; none is allowed by the grammar. */
  @inline
  static port(colon: usize, to: usize): bool {
    if (load<u8>(colon) != COLON || to - colon > PORT_DIGITS + 1) return false;
    let number: u32 = 0;
    for (let at = colon + 1; at < to; at++) {
      const byte = <u32>load<u8>(at);
      if (!ByteClass.isDigit(byte)) return false;
      number = number * 10 + byte - 0x30;
    }
    return number <= PORT_LIMIT;
  }

  static hasUserinfo(from: usize, to: usize): bool {
    for (let at = from; at < to; at++) if (load<u8>(at) == 0x40) return true;
    return false;
  }
}
