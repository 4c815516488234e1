// The connections that the table's stress test is about: which client a key stands for, and which server
// an entry may name. A server's port follows from its address, so that a torn entry shows.
import * as L from '../../assembly/layout.ts';
import { buildPacket } from '../../src/packet/build.ts';
import type { LocalTuple } from '../../src/tuple.ts';

/** How many keys each thread has for itself, and how many they share. */
export interface Keys {
  own: number;
  shared: number;
}

const VIP4 = Uint8Array.of(192, 0, 2, 80);
const VIP6 = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80);
const VIP_PORT = 80;
const FIRST_PORT = 7000;
const SHARED = 0x8000;

/** Number of a key among all: own keys first, by thread, then the shared ones. */
function keyNumber(keys: Keys, thread: number, key: number): number {
  return key < keys.own ? thread * keys.own + key : SHARED + key;
}

export function isIpv6(key: number): boolean {
  return key % 3 === 2;
}

export function keyTuple(keys: Keys, thread: number, key: number): LocalTuple {
  const number = keyNumber(keys, thread, key);
  const six = isIpv6(key);
  const client = new Uint8Array(six ? 16 : 4);
  client.set(six ? [0xfd, 0x80] : [10, 3]);
  client.set([number >>> 8, number & 255], client.length - 2);
  const local = six ? VIP6 : VIP4;
  return { client, clientPort: FIRST_PORT + key, local, localPort: VIP_PORT };
}

export function keyPacket(keys: Keys, thread: number, key: number, flags: number): Uint8Array {
  const { client, clientPort, local, localPort } = keyTuple(keys, thread, key);
  return buildPacket({
    source: client,
    destination: local,
    sourcePort: clientPort,
    destinationPort: localPort,
    sequence: key,
    flags,
  });
}

/** The server that 16 bits stand for: all its bytes, so that any half of another one shows. */
export function serverOf(low: number, six: boolean): { address: Uint8Array; port: number } {
  const address = new Uint8Array(six ? 16 : 4);
  const bytes = [low >>> 8, low & 255];
  for (let at = 0; at < address.length; at += 2) address.set(bytes, at);
  address.set([10, 9]);
  return { address, port: 1024 + ((low * 7919) % 60_000) };
}

/** Writes a tuple as an entry's image has it. */
export function writeTuple(bytes: Uint8Array, view: DataView, at: number, tuple: LocalTuple): void {
  const six = tuple.client.length === 16;
  bytes.set(tuple.client, at + (six ? L.ENTRY_CLIENT_ADDRESS6 : L.ENTRY_CLIENT_ADDRESS4));
  bytes.set(tuple.local, at + (six ? L.ENTRY_LOCAL_ADDRESS6 : L.ENTRY_LOCAL_ADDRESS4));
  view.setUint16(at + L.ENTRY_CLIENT_PORT, tuple.clientPort);
  view.setUint16(at + L.ENTRY_LOCAL_PORT, tuple.localPort);
  view.setUint32(at + L.ENTRY_FLAGS, six ? L.FLAG_IPV6 : 0, true);
}
