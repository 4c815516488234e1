// Capture files (pcap) for what reads them from a file or a pipe.
const MAGIC = 0xa1b2c3d4;
const LINK_RAW = 101;
const HEADER = 24;
const PACKET_HEADER = 16;

/** A capture of raw IP packets, one a second from 1000 on. */
export function capture(packets: readonly Uint8Array[]): Uint8Array {
  const size = packets.reduce((sum, { length }) => sum + PACKET_HEADER + length, HEADER);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const words = (at: number, ...values: number[]): void =>
    values.forEach((value, index) => view.setUint32(at + index * 4, value, true));
  words(0, MAGIC, 2 | (4 << 16), 0, 0, 65535, LINK_RAW);
  let at = HEADER;
  for (const [index, packet] of packets.entries()) {
    words(at, 1000 + index, 0, packet.length, packet.length);
    bytes.set(packet, at + PACKET_HEADER);
    at += PACKET_HEADER + packet.length;
  }
  return bytes;
}

/** The packets of such a file. */
export function packetsIn(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const packets: Uint8Array[] = [];
  for (let at = HEADER; at < bytes.length;) {
    const length = view.getUint32(at + 8, true);
    packets.push(bytes.slice(at + PACKET_HEADER, at + PACKET_HEADER + length));
    at += PACKET_HEADER + length;
  }
  return packets;
}
