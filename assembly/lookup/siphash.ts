/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) of a message of at most 47 bytes that is in registers:
 * the core has no memory of its own to lay one out in.
 */
export class SipHash {
  /**
   * Hashes the first `count` (1..6) little-endian words. The last of them must hold the message's
   * length modulo 256 in its top byte, and zeros between the message's last byte and that.
   */
  static words(
    key0: u64,
    key1: u64,
    count: u32,
    word0: u64,
    word1: u64,
    word2: u64,
    word3: u64,
    word4: u64,
    word5: u64,
  ): u64 {
    let v0 = key0 ^ 0x736f6d6570736575;
    let v1 = key1 ^ 0x646f72616e646f6d;
    let v2 = key0 ^ 0x6c7967656e657261;
    let v3 = key1 ^ 0x7465646279746573;
    for (let i: u32 = 0; i <= count; i++) {
      const last = i == count;
      const word = last ? 0 : word0;
      if (last) v2 ^= 0xff;
      v3 ^= word;
      for (let rounds = last ? 4 : 2; rounds > 0; rounds--) {
        v0 += v1;
        v2 += v3;
        v1 = rotl(v1, 13) ^ v0;
        v3 = rotl(v3, 16) ^ v2;
        v0 = rotl(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = rotl(v1, 17) ^ v2;
        v3 = rotl(v3, 21) ^ v0;
        v2 = rotl(v2, 32);
      }
      v0 ^= word;
      word0 = word1;
      word1 = word2;
      word2 = word3;
      word3 = word4;
      word4 = word5;
    }
    return v0 ^ v1 ^ v2 ^ v3;
  }
}
