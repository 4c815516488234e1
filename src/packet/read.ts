import {
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
  TCP_DATA_OFFSET,
  TCP_DESTINATION_PORT,
  TCP_FLAGS,
  TCP_HEADER_SIZE,
  TCP_OPTION_END,
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

const PROTOCOL_TCP = 6;
const PROTOCOL_ICMP = 1;
const NEXT_ICMP6 = 58;
const FRAGMENT_BITS = 0x3fff; // more fragments, or an offset

/** TCP options that anybody here reads or writes. Values are host numbers. */
export interface TcpOptions {
  mss?: number;
  /** shift count */
  windowScale?: number;
  sackPermitted?: boolean;
  /** [left edge, right edge) each */
  sack?: [number, number][];
  timestamps?: { value: number; echo: number };
}

/** A TCP segment in an IPv4 or IPv6 packet. Addresses and payload are views of its bytes. */
export interface TcpPacket {
  family: 4 | 6;
  /** 4 or 16 bytes */
  source: Uint8Array;
  destination: Uint8Array;
  sourcePort: number;
  destinationPort: number;
  /** TTL or hop limit */
  hops: number;
  sequence: number;
  acknowledgment: number;
  /** TCP_FIN | TCP_SYN ... */
  flags: number;
  /** raw field, unscaled */
  window: number;
  urgent: number;
  options: TcpOptions;
  payload: Uint8Array;
}

/** ICMP, ICMPv6. */
export function isIcmp(bytes: Uint8Array): boolean {
  const version = bytes.length > 0 ? bytes[0]! >> 4 : 0;
  if (version === 4) return bytes[IPV4_PROTOCOL] === PROTOCOL_ICMP;
  return version === 6 && bytes[IPV6_NEXT_HEADER] === NEXT_ICMP6;
}

/**
 * null: not a whole, unfragmented TCP packet without IPv6 extension headers. Checksums are not
 * looked at.
 */
export function readPacket(bytes: Uint8Array): TcpPacket | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes.length > 0 ? bytes[0]! >> 4 : 0;
  if (version === 4) return readIpv4(bytes, view);
  if (version === 6) return readIpv6(bytes, view);
  return null;
}

/**
 * Of a packet whose first bytes alone were copied: what the payload is of them. null as of a whole one,
 * and when the headers are cut, too.
 */
export function readStart(bytes: Uint8Array): TcpPacket | null {
  const start = bytes.slice();
  const view = new DataView(start.buffer);
  if (start.length < IPV4_HEADER_SIZE) return null;
  if (start[0]! >> 4 === 4) {
    view.setUint16(IPV4_TOTAL_LENGTH, Math.min(view.getUint16(IPV4_TOTAL_LENGTH), start.length));
  } else if (start.length >= IPV6_HEADER_SIZE) {
    const rest = start.length - IPV6_HEADER_SIZE;
    view.setUint16(IPV6_PAYLOAD_LENGTH, Math.min(view.getUint16(IPV6_PAYLOAD_LENGTH), rest));
  }
  return readPacket(start);
}

function readIpv4(bytes: Uint8Array, view: DataView): TcpPacket | null {
  if (bytes.length < IPV4_HEADER_SIZE) return null;
  const header = (bytes[0]! & 15) * 4;
  const total = view.getUint16(IPV4_TOTAL_LENGTH);
  if (header < IPV4_HEADER_SIZE || total > bytes.length) return null;
  if (bytes[IPV4_PROTOCOL] !== PROTOCOL_TCP) return null;
  if ((view.getUint16(IPV4_FRAGMENT) & FRAGMENT_BITS) !== 0) return null;
  const segment = readSegment(bytes, view, header, total);
  if (segment === null) return null;
  return {
    family: 4,
    source: bytes.subarray(IPV4_SOURCE, IPV4_SOURCE + 4),
    destination: bytes.subarray(IPV4_DESTINATION, IPV4_DESTINATION + 4),
    hops: bytes[IPV4_TTL]!,
    ...segment,
  };
}

function readIpv6(bytes: Uint8Array, view: DataView): TcpPacket | null {
  if (bytes.length < IPV6_HEADER_SIZE) return null;
  const total = IPV6_HEADER_SIZE + view.getUint16(IPV6_PAYLOAD_LENGTH);
  if (total > bytes.length || bytes[IPV6_NEXT_HEADER] !== PROTOCOL_TCP) return null;
  const segment = readSegment(bytes, view, IPV6_HEADER_SIZE, total);
  if (segment === null) return null;
  return {
    family: 6,
    source: bytes.subarray(IPV6_SOURCE, IPV6_SOURCE + 16),
    destination: bytes.subarray(IPV6_DESTINATION, IPV6_DESTINATION + 16),
    hops: bytes[IPV6_HOP_LIMIT]!,
    ...segment,
  };
}

type Segment = Omit<TcpPacket, 'family' | 'source' | 'destination' | 'hops'>;

function readSegment(bytes: Uint8Array, view: DataView, at: number, end: number): Segment | null {
  if (at + TCP_HEADER_SIZE > end) return null;
  const header = (bytes[at + TCP_DATA_OFFSET]! >> 4) * 4;
  if (header < TCP_HEADER_SIZE || at + header > end) return null;
  return {
    sourcePort: view.getUint16(at + TCP_SOURCE_PORT),
    destinationPort: view.getUint16(at + TCP_DESTINATION_PORT),
    sequence: view.getUint32(at + TCP_SEQUENCE),
    acknowledgment: view.getUint32(at + TCP_ACKNOWLEDGMENT),
    flags: bytes[at + TCP_FLAGS]!,
    window: view.getUint16(at + TCP_WINDOW),
    urgent: view.getUint16(at + TCP_URGENT),
    options: readOptions(bytes, view, at + TCP_HEADER_SIZE, at + header),
    payload: bytes.subarray(at + header, end),
  };
}

/** Options of a wrong length end the walk, as in Linux; what was read before them counts. */
function readOptions(bytes: Uint8Array, view: DataView, from: number, end: number): TcpOptions {
  const options: TcpOptions = {};
  let at = from;
  while (at < end) {
    const kind = bytes[at]!;
    if (kind === TCP_OPTION_END) break;
    if (kind === TCP_OPTION_NOP) {
      at += 1;
      continue;
    }
    if (at + 1 >= end) break;
    const length = bytes[at + 1]!;
    if (length < 2 || at + length > end) break;
    readOption(options, view, at, kind, length);
    at += length;
  }
  return options;
}

function readOption(options: TcpOptions, view: DataView, at: number, kind: number, length: number) {
  if (kind === TCP_OPTION_MSS && length === 4) options.mss = view.getUint16(at + 2);
  else if (kind === TCP_OPTION_WINDOW_SCALE && length === 3)
    options.windowScale = view.getUint8(at + 2);
  else if (kind === TCP_OPTION_SACK_PERMITTED && length === 2) options.sackPermitted = true;
  else if (kind === TCP_OPTION_TIMESTAMPS && length === 10) {
    options.timestamps = { value: view.getUint32(at + 2), echo: view.getUint32(at + 6) };
  } else if (kind === TCP_OPTION_SACK && length % 8 === 2) {
    options.sack = [];
    for (let block = at + 2; block < at + length; block += 8) {
      options.sack.push([view.getUint32(block), view.getUint32(block + 4)]);
    }
  }
}
