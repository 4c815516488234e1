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

  /**
   * Visible without "#<>\ (no part of a path) and without /?%; (a path's parser looks at these).
   */
  @inline
  static pathPlain(): v128 {
    return i64x2(0xfcfcf8fcf8f8fcf8, 0x70f4fcd4f4fcfcfc);
  }

  /** pathPlain() and the slash. */
  @inline
  static pathBytes(): v128 {
    return i64x2(0xfcfcf8fcf8f8fcf8, 0x74f4fcd4f4fcfcfc);
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
      const outside = ByteClass.outside(v128.load(at), rows);
      if (outside != 0) return at + ctz(outside);
    }
    return ByteClass.firstOf(at, end, ByteClass.outside(ByteClass.lastBytes(end), rows));
  }

  /** Address of the first byte in [at, end) that is not visible (0x21 to 0x7e); `end` if all are. */
  @inline
  static skipVisible(at: usize, end: usize): usize {
    for (; at + 16 <= end; at += 16) {
      const outside = ByteClass.below(v128.load(at), 0x21);
      if (outside != 0) return at + ctz(outside);
    }
    return ByteClass.firstOf(at, end, ByteClass.below(ByteClass.lastBytes(end), 0x21));
  }

  /** Address of the first such byte in [at, end); `end` if there is none. */
  @inline
  static find(at: usize, end: usize, byte: u32): usize {
    for (; at + 16 <= end; at += 16) {
      const found = ByteClass.equals(v128.load(at), byte);
      if (found != 0) return at + ctz(found);
    }
    return ByteClass.firstOf(at, end, ByteClass.equals(ByteClass.lastBytes(end), byte));
  }

  /**
   * Where a field's value may end: a bit for each of the 64 bytes from `at` on that is a control byte or
   * above 0x7e, and one for `end` if that is among them. The bytes before the run may be looked at.
   */
  @inline
  static stops(at: usize, end: usize): u64 {
    if (at + 64 <= end) return ByteClass.stops64(at);
    const rest = <u64>(end - at);
    return ((ByteClass.stops64(end - 64) >> (63 - rest)) >> 1) | ((<u64>1) << rest);
  }

  @inline
  static stops64(at: usize): u64 {
    const low =
      ByteClass.below(v128.load(at), 0x20) | (ByteClass.below(v128.load(at, 16), 0x20) << 16);
    const high =
      ByteClass.below(v128.load(at, 32), 0x20) | (ByteClass.below(v128.load(at, 48), 0x20) << 16);
    return (<u64>low) | ((<u64>high) << 32);
  }

  /**
   * The 16 bytes before `end`: what is left of a run shorter than a vector is in them, and bytes behind
   * the run, which may not be in memory, are not. No run begins at the very start of the memory.
   */
  @inline
  static lastBytes(end: usize): v128 {
    return v128.load(end - 16);
  }

  /** Address of the lowest set bit of a mask over lastBytes(end), not before `at`; `end` without one. */
  @inline
  static firstOf(at: usize, end: usize, mask: u32): usize {
    const rest = <u32>(end - at); // less than 16
    return at + <usize>ctz((mask >> (16 - rest)) | (1 << rest));
  }

  /** A bit for each byte that is not in the set. */
  @inline
  static outside(bytes: v128, rows: v128): u32 {
    return <u32>i8x16.bitmask(i8x16.eq(ByteClass.member(bytes, rows), i8x16.splat(0)));
  }

  /** A bit for each byte below `least` (at most 0x7e) or above 0x7e: these are negative one further. */
  @inline
  static below(bytes: v128, least: i8): u32 {
    return <u32>i8x16.bitmask(i8x16.lt_s(i8x16.add(bytes, i8x16.splat(1)), i8x16.splat(least + 1)));
  }

  /** A bit for each byte that is neither a letter nor "-". */
  @inline
  static notInWords(bytes: v128): u32 {
    // letters become the lowest signed numbers
    const moved = i8x16.add(v128.or(bytes, i8x16.splat(0x20)), i8x16.splat(<i8>(0x80 - 0x61)));
    const letter = i8x16.lt_s(moved, i8x16.splat(-0x80 + 26));
    const word = v128.or(letter, i8x16.eq(bytes, i8x16.splat(0x2d)));
    return (<u32>i8x16.bitmask(word)) ^ 0xffff;
  }

  @inline
  static equals(bytes: v128, byte: u32): u32 {
    return <u32>i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(<i8>byte)));
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
