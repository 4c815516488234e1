// What came back: enough of IPv4, TCP and ICMP to judge it, and sums checked in the plainest way.
import { foldSum, sumWords } from '../../src/packet/checksum.ts';
import { readPacket } from '../../src/packet/read.ts';

export interface Reply {
  kind: 'tcp' | 'icmp' | 'other';
  /** address and port of the client that it is for; an ICMP error's is that of the packet it quotes */
  to: string;
  fromPort: number;
  seq: number;
  ack: number;
  /** of FSRPAUEW */
  flags: string;
  data: Uint8Array;
  /** kinds; -1 where the list cannot be read on */
  options: number[];
  isIntact: boolean;
}

export const LETTERS = 'FSRPAUEW';
const TCP = 6;
const ICMP = 1;

export function dotted(bytes: Uint8Array): string {
  return [...bytes].join('.');
}

/** null: not IPv4. */
export function readReply(bytes: Uint8Array): Reply | null {
  if (bytes.length < 20 || bytes[0]! >> 4 !== 4) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const header = (bytes[0]! & 15) * 4;
  const none = { fromPort: 0, seq: 0, ack: 0, flags: '', options: [], isIntact: true };
  const data = bytes.subarray(header);
  if (bytes[9] === ICMP) {
    const quoted = data.subarray(8);
    const isTcp = quoted.length >= 28 && quoted[9] === TCP;
    const port = isTcp ? (quoted[20]! << 8) | quoted[21]! : 0;
    return { kind: 'icmp', to: `${dotted(bytes.subarray(16, 20))}:${port}`, ...none, data };
  }
  const packet = readPacket(bytes);
  if (!packet) return { kind: 'other', to: '', ...none, data };
  const end = view.getUint16(2);
  const pseudo = sumWords(bytes, 12, 20, TCP + end - header);
  return {
    kind: 'tcp',
    to: `${dotted(packet.destination)}:${packet.destinationPort}`,
    fromPort: packet.sourcePort,
    seq: packet.sequence,
    ack: packet.acknowledgment,
    flags: [...LETTERS].filter((_, bit) => (packet.flags >> bit) & 1).join(''),
    data: packet.payload,
    options: optionKinds(bytes.subarray(header + 20, header + (bytes[header + 12]! >> 4) * 4)),
    isIntact: foldSum(sumWords(bytes, header, end, pseudo)) === 0xffff,
  };
}

function optionKinds(bytes: Uint8Array): number[] {
  const kinds: number[] = [];
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    if (bytes[at] === 1) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    if (length < 2 || at + length > bytes.length) return [...kinds, -1];
    kinds.push(bytes[at]!);
    at += length;
  }
  return kinds;
}

export function describe(reply: Reply): string {
  if (reply.kind !== 'tcp') return `${reply.kind} for ${reply.to}`;
  const { flags, seq, ack, data } = reply;
  return `${flags} seq=${seq} ack=${ack} len=${data.length} to ${reply.to}`;
}

/** The packet with `add` added to its ack field and a new TCP checksum, a wrong one if asked. */
export function patched(packet: Uint8Array, ack: number, isBroken: boolean): Uint8Array {
  const bytes = Uint8Array.from(packet);
  const view = new DataView(bytes.buffer);
  const header = (bytes[0]! & 15) * 4;
  const end = Math.min(view.getUint16(2), bytes.length);
  view.setUint32(header + 8, ack >>> 0);
  view.setUint16(header + 16, 0);
  const pseudo = sumWords(bytes, 12, 20, TCP + end - header);
  const sum = ~foldSum(sumWords(bytes, header, end, pseudo)) & 0xffff;
  view.setUint16(header + 16, isBroken ? sum ^ 0x0f0f : sum);
  return bytes;
}
