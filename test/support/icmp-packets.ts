// ICMP messages as routers and hosts send them, with checksums computed in full.
import type { PacketParts } from '../../src/packet/build.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { sum } from './rewrite-model.ts';

export interface IcmpParts {
  /** 4 or 16 bytes; ICMPv6 for the longer ones */
  source: Uint8Array;
  destination: Uint8Array;
  type: number;
  code?: number;
  /** the four bytes behind the checksum: MTU, or identifier and sequence number */
  rest?: number;
  body: Uint8Array;
  hops?: number;
}

const ICMP = 1;
const ICMP6 = 58;

/** The whole packet. */
export function buildIcmp(parts: IcmpParts): Uint8Array {
  const six = parts.source.length === 16;
  const at = six ? 40 : 20;
  const bytes = new Uint8Array(at + 8 + parts.body.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = six ? 0x60 : 0x45;
  view.setUint16(six ? 4 : 2, six ? bytes.length - at : bytes.length);
  bytes[six ? 6 : 9] = six ? ICMP6 : ICMP;
  bytes[six ? 7 : 8] = parts.hops ?? 64;
  bytes.set(parts.source, six ? 8 : 12);
  bytes.set(parts.destination, six ? 24 : 16);
  bytes.set([parts.type, parts.code ?? 0], at);
  view.setUint32(at + 4, parts.rest ?? 0);
  bytes.set(parts.body, at + 8);
  completeIcmp(bytes);
  return bytes;
}

/** Sets the checksums of the IPv4 header and of the message. */
export function completeIcmp(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const six = bytes[0]! >> 4 === 6;
  const at = six ? 40 : 20;
  if (!six) {
    view.setUint16(10, 0);
    view.setUint16(10, 0xffff ^ sum(bytes.subarray(0, 20)));
  }
  view.setUint16(at + 2, 0);
  const pseudo = six ? sum(bytes.subarray(8, 40), ICMP6 + bytes.length - at) : 0;
  view.setUint16(at + 2, 0xffff ^ sum(bytes.subarray(at), pseudo));
}

export interface ErrorParts extends Omit<IcmpParts, 'destination' | 'body'> {
  /** the packet that it is about, and how much of it is quoted */
  about: PacketParts;
  length: number;
}

/** An error to the sender of the packet that it quotes. */
export function buildError({ about, length, ...parts }: ErrorParts): Uint8Array {
  const body = buildPacket(about).subarray(0, length);
  return buildIcmp({ ...parts, destination: about.source, body });
}
