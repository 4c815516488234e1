export class RequestHead {
  static parse(address: usize, length: u32, out: usize): i32 {
    return 0;
  }

  static hashTarget(address: usize, length: u32): u32 {
    return 0;
  }
}
