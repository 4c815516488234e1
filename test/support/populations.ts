/** A client as numbers. */
export interface Peer {
  address: number;
  port: number;
}

const FIRST = 0xc612_0000; // 198.18.0.0/15, set aside for tests of devices (RFC 2544)

/** Many clients at once, as a switch may meet them, or as somebody chooses them against its table. */
export const POPULATIONS = {
  /** address XOR port is the same for all of a /16: all in one bucket of the papers' table */
  'against-xor': (index: number): Peer => ({
    address: FIRST + index,
    port: (index & 0xffff) ^ 0x5555,
  }),
  /** consecutive ports of 250 hosts of one network */
  nat: (index: number): Peer => ({
    address: FIRST + 1 + (index % 250),
    port: 32_768 + Math.floor(index / 250),
  }),
  /** all ports of two addresses */
  'nat-of-two': (index: number): Peer => ({
    address: FIRST + 1 + (index & 1),
    port: 1024 + (index >>> 1),
  }),
  /** one port, consecutive addresses */
  'one-port': (index: number): Peer => ({ address: FIRST + index, port: 40_000 }),
};

export type Population = keyof typeof POPULATIONS;
