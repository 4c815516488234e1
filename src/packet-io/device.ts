/**
 * A packet device as a worker drives it. Packets lie in slots of the shared memory (layout.ts, SLOT_*):
 * SLOT_VNET holds the virtio_net_hdr (10 bytes), SLOT_PACKET the IP packet, SLOT_LENGTH its length.
 * No method throws for what a packet or the network does; an I/O error is counted.
 */
export interface Device {
  /** Fills up to `count` consecutive slots from `slot` on (address) without waiting; returns how many. */
  receive(slot: number, count: number): number;
  /** Sends the packet of one slot (or any address with the same layout); false = refused, packet lost. */
  transmit(slot: number): boolean;
  /**
   * Sends the packets of the first `count` of these slots, in that order, and calls `lost` with each that
   * was refused. A device without it is given them one by one.
   */
  transmitBatch?(slots: Uint32Array, count: number, lost: (slot: number) => void): void;
  /** Waits until a packet or a wake-up is there, at most timeoutMs (-1 = no limit). */
  wait(timeoutMs: number): void;
}

/** Wakes the worker that waits on the device's queue; callable from any thread. */
export interface Waker {
  wake(): void;
}
