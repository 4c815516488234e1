export class TcpOptions {
  @inline
  static timestamps(tcp: usize, end: usize): usize {
    return 0;
  }

  static mss(tcp: usize, end: usize): u32 {
    return 0;
  }

  static windowScale(tcp: usize, end: usize): u32 {
    return 15;
  }

  static sackPermitted(tcp: usize, end: usize): bool {
    return false;
  }
}
