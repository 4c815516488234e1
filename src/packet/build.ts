import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_HEADER_SIZE,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
} from '../../assembly/wire/ipv4.ts';
import {
  IPV6_DESTINATION,
  IPV6_HEADER_SIZE,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from '../../assembly/wire/ipv6.ts';
import {
  TCP_ACKNOWLEDGMENT,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_DESTINATION_PORT,
  TCP_FLAGS,
  TCP_HEADER_SIZE,
  TCP_OPTION_MSS,
  TCP_OPTION_NOP,
  TCP_OPTION_SACK,
  TCP_OPTION_SACK_PERMITTED,
  TCP_OPTION_TIMESTAMPS,
  TCP_OPTION_WINDOW_SCALE,
  TCP_SEQUENCE,
  TCP_SOURCE_PORT,
  TCP_URGENT,
  TCP_WINDOW,
} from '../../assembly/wire/tcp.ts';
import { foldSum, sumWords } from './checksum.ts';
import type { TcpOptions } from './read.ts';

const PROTOCOL_TCP = 6;
const DONT_FRAGMENT = 0x4000;

/** What a packet is built from; addresses of 4 or 16 bytes decide its family. */
export interface PacketParts {
  source: Uint8Array;
  destination: Uint8Array;
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgment?: number;
  /** TCP_FIN | TCP_SYN ... */
  flags: number;
  /** raw field, unscaled */
  window?: number;
  urgent?: number;
  options?: TcpOptions;
  payload?: Uint8Array;
  /** TTL or hop limit, 64 if omitted */
  hops?: number;
}

/** A whole IP packet with full checksums (IPv4: DF, no options). */
export function buildPacket(parts: PacketParts): Uint8Array {
  const options = optionBytes(parts.options ?? {});
  const payload = parts.payload ?? new Uint8Array(0);
  const six = parts.source.length === 16;
  const at = six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE;
  const header = TCP_HEADER_SIZE + options.length;
  const bytes = new Uint8Array(at + header + payload.length);
  const view = new DataView(bytes.buffer);
  if (six) writeIpv6(bytes, view, parts);
  else writeIpv4(bytes, view, parts);
  view.setUint16(at + TCP_SOURCE_PORT, parts.sourcePort);
  view.setUint16(at + TCP_DESTINATION_PORT, parts.destinationPort);
  view.setUint32(at + TCP_SEQUENCE, parts.sequence);
  view.setUint32(at + TCP_ACKNOWLEDGMENT, parts.acknowledgment ?? 0);
  bytes[at + TCP_DATA_OFFSET] = (header / 4) << 4;
  bytes[at + TCP_FLAGS] = parts.flags;
  view.setUint16(at + TCP_WINDOW, parts.window ?? 0);
  view.setUint16(at + TCP_URGENT, parts.urgent ?? 0);
  bytes.set(options, at + TCP_HEADER_SIZE);
  bytes.set(payload, at + header);
  setTcpChecksum(bytes, view, at);
  return bytes;
}

function writeIpv4(bytes: Uint8Array, view: DataView, parts: PacketParts): void {
  bytes[0] = 0x45;
  view.setUint16(IPV4_TOTAL_LENGTH, bytes.length);
  view.setUint16(IPV4_FRAGMENT, DONT_FRAGMENT);
  bytes[IPV4_TTL] = parts.hops ?? 64;
  bytes[IPV4_PROTOCOL] = PROTOCOL_TCP;
  bytes.set(parts.source, IPV4_SOURCE);
  bytes.set(parts.destination, IPV4_DESTINATION);
  view.setUint16(IPV4_CHECKSUM, ~foldSum(sumWords(bytes, 0, IPV4_HEADER_SIZE)) & 0xffff);
}

function writeIpv6(bytes: Uint8Array, view: DataView, parts: PacketParts): void {
  bytes[0] = 0x60;
  view.setUint16(IPV6_PAYLOAD_LENGTH, bytes.length - IPV6_HEADER_SIZE);
  bytes[IPV6_NEXT_HEADER] = PROTOCOL_TCP;
  bytes[IPV6_HOP_LIMIT] = parts.hops ?? 64;
  bytes.set(parts.source, IPV6_SOURCE);
  bytes.set(parts.destination, IPV6_DESTINATION);
}

function setTcpChecksum(bytes: Uint8Array, view: DataView, at: number): void {
  const six = at === IPV6_HEADER_SIZE;
  const addresses = six ? IPV6_SOURCE : IPV4_SOURCE;
  const pseudo = sumWords(bytes, addresses, at, PROTOCOL_TCP + bytes.length - at);
  view.setUint16(at + TCP_CHECKSUM, 0);
  view.setUint16(at + TCP_CHECKSUM, ~foldSum(sumWords(bytes, at, bytes.length, pseudo)) & 0xffff);
}

/** The order and padding Linux uses; a multiple of 4 bytes, at most 40 (three SACK blocks). */
function optionBytes(options: TcpOptions): number[] {
  const bytes: number[] = [];
  const word = (value: number) =>
    bytes.push(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  if (options.mss !== undefined) bytes.push(TCP_OPTION_MSS, 4, options.mss >> 8, options.mss & 255);
  if (options.timestamps) {
    if (options.sackPermitted) bytes.push(TCP_OPTION_SACK_PERMITTED, 2);
    else bytes.push(TCP_OPTION_NOP, TCP_OPTION_NOP);
    bytes.push(TCP_OPTION_TIMESTAMPS, 10);
    word(options.timestamps.value);
    word(options.timestamps.echo);
  } else if (options.sackPermitted) {
    bytes.push(TCP_OPTION_NOP, TCP_OPTION_NOP, TCP_OPTION_SACK_PERMITTED, 2);
  }
  if (options.windowScale !== undefined) {
    bytes.push(TCP_OPTION_NOP, TCP_OPTION_WINDOW_SCALE, 3, options.windowScale);
  }
  if (options.sack && options.sack.length > 0) {
    bytes.push(TCP_OPTION_NOP, TCP_OPTION_NOP, TCP_OPTION_SACK, 2 + 8 * options.sack.length);
    for (const [left, right] of options.sack) {
      word(left);
      word(right);
    }
  }
  return bytes;
}
