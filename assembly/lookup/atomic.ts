// Words that several threads write. The single-thread build has no atomics and needs none.

export class Atomic {
  @inline
  static load(address: usize): u32 {
    if (ASC_FEATURE_THREADS) return atomic.load<u32>(address);
    return load<u32>(address);
  }

  @inline
  static store(address: usize, value: u32): void {
    if (ASC_FEATURE_THREADS) atomic.store<u32>(address, value);
    else store<u32>(address, value);
  }

  /** Adds and returns the value before. */
  @inline
  static add(address: usize, value: u32): u32 {
    if (ASC_FEATURE_THREADS) return atomic.add<u32>(address, value);
    const before = load<u32>(address);
    store<u32>(address, before + value);
    return before;
  }

  /** Sets bits and returns the value before. */
  @inline
  static or(address: usize, bits: u32): u32 {
    if (ASC_FEATURE_THREADS) return atomic.or<u32>(address, bits);
    const before = load<u32>(address);
    store<u32>(address, before | bits);
    return before;
  }

  /** True when the word was `expected` and is now `value`. */
  @inline
  static exchange(address: usize, expected: u32, value: u32): bool {
    if (ASC_FEATURE_THREADS) return atomic.cmpxchg<u32>(address, expected, value) == expected;
    if (load<u32>(address) != expected) return false;
    store<u32>(address, value);
    return true;
  }
}
