export class SipHash {
  static hash64(key0: u64, key1: u64, address: usize, length: u32): u64 {
    return 0;
  }
}
