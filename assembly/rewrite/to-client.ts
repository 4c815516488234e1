export class ToClient {
  @inline
  static agent(packet: usize, tcp: usize, end: usize, vnet: usize, entry: usize): void {}
}
