// Addresses as bytes in network order: IPv4 4 bytes, IPv6 16.
import { isIPv4, isIPv6 } from 'node:net';

export interface Prefix {
  /** network address, host bits 0 */
  network: Uint8Array;
  /** bits */
  length: number;
}

export interface Endpoint {
  address: Uint8Array;
  port: number;
}

/** IPv4 or IPv6 without zone; undefined when it is neither. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return parseIPv6(text);
}

function parseIPv6(text: string): Uint8Array {
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(text);
  let groups = text;
  if (dotted) {
    const [a, b, c, d] = dotted[0].split('.').map(Number) as [number, number, number, number];
    const tail = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
    groups = text.slice(0, dotted.index) + tail;
  }
  const [left = '', right] = groups.split('::');
  const before = left === '' ? [] : left.split(':');
  const after = right === undefined || right === '' ? [] : right.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const bytes = new Uint8Array(16);
  [...before, ...zeros, ...after].forEach((group, index) => {
    const value = Number.parseInt(group, 16);
    bytes[index * 2] = value >> 8;
    bytes[index * 2 + 1] = value & 0xff;
  });
  return bytes;
}

function hex(groups: number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

/** Dotted decimal, or IPv6 as RFC 5952 section 4 writes it. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2));
  let start = 0;
  let longest = 0;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > longest) [start, longest] = [i, run];
  }
  if (longest < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + longest))}`;
}

/** `192.0.2.80:80`, `[2001:db8::1]:80`. */
export function formatEndpoint(address: Uint8Array, port: number): string {
  const text = formatAddress(address);
  return address.length === 4 ? `${text}:${port}` : `[${text}]:${port}`;
}

/** 1 to 65535 in plain decimal. */
export function parsePort(text: string): number | undefined {
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

/** `address:port` with an IPv6 address in brackets. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text);
  if (!parts) return undefined;
  const address = parseAddress(parts[1] ?? parts[2] ?? '');
  const port = parsePort(parts[3] ?? '');
  if (!address || port === undefined) return undefined;
  if ((parts[1] !== undefined) !== (address.length === 16)) return undefined;
  return { address, port };
}

/** `network/length`; undefined when it is none or has host bits. */
export function parsePrefix(text: string): Prefix | undefined {
  const parts = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const network = parts?.[1] === undefined ? undefined : parseAddress(parts[1]);
  const length = Number(parts?.[2]);
  if (!network || length > network.length * 8) return undefined;
  const masked = network.map((byte, index) => byte & maskByte(length, index));
  return masked.every((byte, index) => byte === network[index]) ? { network, length } : undefined;
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.network)}/${prefix.length}`;
}

function maskByte(length: number, index: number): number {
  const bits = Math.min(8, Math.max(0, length - index * 8));
  return (0xff << (8 - bits)) & 0xff;
}

/** The prefix's mask as bytes of its family. */
export function prefixMask(prefix: Prefix): Uint8Array {
  return prefix.network.map((_, index) => maskByte(prefix.length, index));
}

export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.network.length) return false;
  return address.every((byte, index) => {
    return (byte & maskByte(prefix.length, index)) === prefix.network[index];
  });
}

/** True when the two share an address. */
export function prefixesOverlap(first: Prefix, second: Prefix): boolean {
  return prefixContains(first, second.network) || prefixContains(second, first.network);
}

/**
 * True for an address that a host can be reached at: not unspecified, loopback, multicast,
 * broadcast.
 */
export function isUnicast(address: Uint8Array): boolean {
  const first = address[0] ?? 0;
  if (address.length === 4) return first !== 0 && first !== 127 && first < 224;
  const onlyLast = address.subarray(0, 15).every((byte) => byte === 0);
  return first !== 0xff && !(onlyLast && (address[15] ?? 0) <= 1);
}

/**
 * How many addresses of a prefix can be given: not the first (the network), not the last (IPv4
 * broadcast), not the one before it (the device's own).
 */
export function prefixSize(prefix: Prefix): number {
  const hostBits = prefix.network.length * 8 - prefix.length;
  return Math.max(0, 2 ** Math.min(hostBits, 16) - 3);
}

/** The two prefixes, one bit longer, that a prefix consists of. */
export function halves({ network, length }: Prefix): [Prefix, Prefix] {
  const second = network.slice();
  second[length >>> 3]! |= 0x80 >>> (length & 7);
  return [
    { network, length: length + 1 },
    { network: second, length: length + 1 },
  ];
}
