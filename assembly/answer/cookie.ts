export class Cookie {
  static answer(
    packet: usize,
    tcp: usize,
    end: usize,
    vnet: usize,
    service: usize,
    nowMs: f64,
  ): u32 {
    return 0;
  }

  static check(packet: usize, tcp: usize, end: usize): u32 {
    return 0;
  }

  static make(
    tuple: usize,
    clientIsn: u32,
    mss: u32,
    scale: u32,
    options: u32,
    epoch: u32,
  ): u32 {
    return 0;
  }

  static checkTuple(tuple: usize, clientIsn: u32, isn: u32): u32 {
    return 0;
  }
}
