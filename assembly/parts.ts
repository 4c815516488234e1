// Parts of the core that the tests call one by one; no part of the program.
export {
  checksumPacket,
  cookieCheck,
  cookieMake,
  hashTarget,
  parseHead,
  parseHello,
  verifyPacket,
} from './index';
import { Cookie } from './answer/cookie';
import { Response } from './parse/response';
import { SipHash } from './lookup/siphash';
import { Checksum } from './rewrite/checksum';
import { ToClient } from './rewrite/to-client';
import { ToServer } from './rewrite/to-server';

export function toServerSwitch(packet: usize, tcp: usize, vnet: usize, entry: usize): void {
  ToServer.switch(packet, tcp, vnet, entry);
}

export function toServerAgent(
  packet: usize,
  tcp: usize,
  end: usize,
  vnet: usize,
  entry: usize,
): void {
  ToServer.agent(packet, tcp, end, vnet, entry);
}

export function toClientAgent(
  packet: usize,
  tcp: usize,
  end: usize,
  vnet: usize,
  entry: usize,
): void {
  ToClient.agent(packet, tcp, end, vnet, entry);
}

export function hashWords(
  key0: u64,
  key1: u64,
  count: u32,
  word0: u64,
  word1: u64,
  word2: u64,
  word3: u64,
  word4: u64,
  word5: u64,
): u64 {
  return SipHash.words(key0, key1, count, word0, word1, word2, word3, word4, word5);
}

export function cookieAnswer(
  packet: usize,
  tcp: usize,
  end: usize,
  vnet: usize,
  service: usize,
  nowMs: f64,
): u32 {
  return Cookie.answer(packet, tcp, end, vnet, service, nowMs);
}

export function cookieCheckPacket(packet: usize, tcp: usize, end: usize): u32 {
  return Cookie.check(packet, tcp, end);
}

export function prepareDeltas(entry: usize, role: u32): void {
  Checksum.prepare(entry, role);
}

/** One 16-bit word under a checksum changes, by RFC 1624. Words in memory order. */
export function updateChecksum(field: u32, old: u32, fresh: u32): void {
  Checksum.update(field, Checksum.change16(old, fresh));
}

/** Reads a server's bytes; `record` has nothing but RECORD_RESPONSE_*. */
export function takeResponse(record: usize, from: usize, end: usize): void {
  Response.take(record, from, end);
}

/** Of what was read so far: 0 in mid-response, 1 between them, 2 nothing more is read, 3 upgraded. */
export function responseState(record: usize): u32 {
  if (Response.isOver(record)) return Response.isUpgraded(record) ? 3 : 2;
  return u32(Response.isBetween(record));
}

export function skipResponse(record: usize, count: u32): bool {
  return Response.skip(record, count);
}
