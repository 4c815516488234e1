export class ToServer {
  @inline
  static switch(packet: usize, tcp: usize, vnet: usize, entry: usize): void {}

  @inline
  static agent(packet: usize, tcp: usize, end: usize, vnet: usize, entry: usize): void {}
}
