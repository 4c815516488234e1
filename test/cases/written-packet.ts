// A packet of a step that says what it holds instead of giving its bytes.
import { sumWords, foldSum } from '../../src/packet/checksum.ts';
import { buildPacket } from '../../src/packet/build.ts';
import type { PacketCase, SendStep } from './catalogue.ts';
import { LETTERS } from './reply.ts';

const TCP = 6;
const HEADER = 20;
const WINDOW = 64_240;

function address(text: string): Uint8Array {
  return Uint8Array.from(text.split('.').map(Number));
}

/** `C+1`, `S+1`: from the client's first sequence number, from 0 (S is added when it is sent). */
function numberOf(text: string, isn: number): number {
  return ((text[0] === 'C' ? isn : 0) + Number(text.slice(1) || 0)) >>> 0;
}

/** The packet with these option bytes (a multiple of 4) behind its TCP header. */
function withOptions(packet: Uint8Array, options: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(packet.length + options.length);
  const end = HEADER * 2;
  bytes.set(packet.subarray(0, end));
  bytes.set(options, end);
  bytes.set(packet.subarray(end), end + options.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, bytes.length);
  bytes[HEADER + 12] = (5 + options.length / 4) << 4;
  view.setUint16(10, 0);
  view.setUint16(10, ~foldSum(sumWords(bytes, 0, HEADER, 0)) & 0xffff);
  view.setUint16(HEADER + 16, 0);
  const pseudo = sumWords(bytes, 12, 20, TCP + bytes.length - HEADER);
  view.setUint16(HEADER + 16, ~foldSum(sumWords(bytes, HEADER, bytes.length, pseudo)) & 0xffff);
  return bytes;
}

/** Throws when a flag or a number of options is not one. */
export function writtenPacket(
  one: PacketCase,
  step: SendStep,
  to: { vip: string; port: number },
): Uint8Array {
  const [from, port] = step.from ?? [one.client, one.client_port];
  const options = Uint8Array.from(Buffer.from(step.options ?? '', 'hex'));
  if (options.length % 4 !== 0) throw new Error(`case ${one.id}: options fill no words of 4 bytes`);
  const bits = [...(step.flags ?? '')].map((letter) => LETTERS.indexOf(letter));
  if (bits.includes(-1)) throw new Error(`case ${one.id}: unknown flag in ${step.flags}`);
  const packet = buildPacket({
    source: address(from),
    destination: address(to.vip),
    sourcePort: port,
    destinationPort: to.port,
    sequence: numberOf(step.seq ?? 'C', one.C),
    acknowledgment: numberOf(step.ack ?? 'S', one.C),
    flags: bits.reduce((sum, bit) => sum | (1 << bit), 0),
    window: step.window ?? WINDOW,
    urgent: step.urgent ?? 0,
    payload: new TextEncoder().encode(step.payload ?? ''),
  });
  return options.length === 0 ? packet : withOptions(packet, options);
}
