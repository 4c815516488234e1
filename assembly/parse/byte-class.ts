/**
 * Sets of ASCII bytes, tested 16 at a time. A set is a vector of 16 rows: bit h of row l says
 * whether the byte with high nibble h and low nibble l belongs to it; bytes above 0x7f never do.
 */
export class ByteClass {
  /** tchar, RFC 9110 section 5.6.2: letters, digits and !#$%&'*+-.^_`|~ */
  @inline
  static token(): v128 {
    return i64x2(0xfcfcfcfcfcf8fce8, 0x70f454d054f4f8f8);
  }

  /** 0x21 to 0x7e. */
  @inline
  static visible(): v128 {
    return i64x2(0xfcfcfcfcfcfcfcf8, 0x7cfcfcfcfcfcfcfc);
  }

  /**
   * Visible without "#<>\ (no part of a path) and without /?%; (a path's parser looks at these).
   */
  @inline
  static pathPlain(): v128 {
    return i64x2(0xfcfcf8fcf8f8fcf8, 0x70f4fcd4f4fcfcfc);
  }

  /** Visible without # */
  @inline
  static query(): v128 {
    return i64x2(0xfcfcfcfcf8fcfcf8, 0x7cfcfcfcfcfcfcfc);
  }

  /** unreserved, RFC 3986 section 2.3: letters, digits and -._~ */
  @inline
  static hostName(): v128 {
    return i64x2(0xf8f8f8f8f8f8f8a8, 0x70d4545050f0f8f8);
  }

  /** Inside the brackets of an IPv6 address: hexadecimal digits, colon and dot. */
  @inline
  static addressLiteral(): v128 {
    return i64x2(0x0858585858585808, 0x0004000000080808);
  }

  /** Address of the first byte in [at, end) that is not in the set; `end` if all are. */
  @inline
  static skip(at: usize, end: usize, rows: v128): usize {
    for (; at + 16 <= end; at += 16) {
      const outside = i8x16.bitmask(
        i8x16.eq(ByteClass.member(v128.load(at), rows), i8x16.splat(0)),
      );
      if (outside != 0) return at + ctz(outside);
    }
    while (at < end && i8x16.extract_lane_u(ByteClass.member(v128.load8_splat(at), rows), 0) != 0) {
      at++;
    }
    return at;
  }

  /**
   * Address of the first byte in [at, end) that a field value may not contain, i.e. a control byte
   * other than the tabulator (RFC 9110 section 5.5); `end` if there is none.
   */
  @inline
  static skipValue(at: usize, end: usize): usize {
    for (; at + 16 <= end; at += 16) {
      const bytes = v128.load(at);
      const low = i8x16.lt_u(bytes, i8x16.splat(0x20));
      const control = v128.andnot(low, i8x16.eq(bytes, i8x16.splat(9)));
      const outside = i8x16.bitmask(v128.or(control, i8x16.eq(bytes, i8x16.splat(0x7f))));
      if (outside != 0) return at + ctz(outside);
    }
    for (; at < end; at++) {
      const byte = load<u8>(at);
      if ((byte < 0x20 && byte != 9) || byte == 0x7f) return at;
    }
    return at;
  }

  /** Not 0 in each lane whose byte is in the set. */
  @inline
  static member(bytes: v128, rows: v128): v128 {
    const row = i8x16.swizzle(rows, v128.and(bytes, i8x16.splat(15)));
    const bit = i8x16.swizzle(i64x2(0x8040201008040201, 0), i8x16.shr_u(bytes, 4));
    return v128.and(row, bit);
  }

  @inline
  static isBlank(byte: u32): bool {
    return byte == 0x20 || byte == 9;
  }

  @inline
  static isDigit(byte: u32): bool {
    return byte - 0x30 < 10;
  }

  @inline
  static isHexadecimal(byte: u32): bool {
    return ByteClass.isDigit(byte) || (byte | 0x20) - 0x61 < 6;
  }

  // Lower case of letters; what else changes is a control byte, which has been refused before.

  @inline
  static lower64(at: usize): u64 {
    return load<u64>(at) | 0x2020202020202020;
  }

  @inline
  static lower32(at: usize): u32 {
    return load<u32>(at) | 0x20202020;
  }

  @inline
  static lower16(at: usize): u32 {
    return (<u32>load<u16>(at)) | 0x2020;
  }

  @inline
  static lower8(at: usize): u32 {
    return (<u32>load<u8>(at)) | 0x20;
  }

  /** Equal when upper and lower case letters are the same. */
  static equal(a: usize, b: usize, length: u32): bool {
    for (let i: u32 = 0; i < length; i++) {
      let x = <u32>load<u8>(a + i);
      let y = <u32>load<u8>(b + i);
      if (x - 0x41 < 26) x |= 0x20;
      if (y - 0x41 < 26) y |= 0x20;
      if (x != y) return false;
    }
    return true;
  }
}
