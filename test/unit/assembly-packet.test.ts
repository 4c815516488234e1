import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as V from '../../assembly/verdict.ts';
import {
  TCP_ACK,
  TCP_DATA_OFFSET,
  TCP_FIN,
  TCP_FLAGS,
  TCP_RST,
  TCP_SYN,
} from '../../assembly/wire/tcp.ts';
import { IPV4_FRAGMENT, IPV4_PROTOCOL, IPV4_TOTAL_LENGTH } from '../../assembly/wire/ipv4.ts';
import { IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH } from '../../assembly/wire/ipv6.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { Random } from '../../src/lab/random.ts';
import { CoreHost, address4, address6 } from '../support/core-host.ts';

const packets = suite('packet');
const host = await CoreHost.create();
const AT4 = 20;
const AT6 = 40;

function packet(six = false): Uint8Array {
  const address = six ? address6 : address4;
  return buildPacket({
    source: address(1),
    destination: address(2),
    sourcePort: 1,
    destinationPort: 2,
    sequence: 0,
    flags: TCP_ACK,
    payload: new Uint8Array(10),
  });
}

function reasonOf(bytes: Uint8Array): number {
  const outcome = host.forward(bytes);
  assert.is(outcome.verdict, V.VERDICT_DROP);
  return outcome.reason;
}

/** What is dropped for no fault of its form: its address is no service. */
const GOOD = V.DROP_NOT_SERVICE;

function changed(six: boolean, changes: [number, number][], length?: number): Uint8Array {
  const bytes = packet(six);
  for (const [at, value] of changes) bytes[at] = value;
  return bytes.slice(0, length);
}

packets('a plain TCP packet passes, over IPv4 and IPv6', () => {
  assert.is(reasonOf(packet(false)), GOOD);
  assert.is(reasonOf(packet(true)), GOOD);
});

packets('a packet shorter than its headers say is too short, at every length', () => {
  for (let length = 0; length < packet(false).length; length += 1) {
    assert.is(reasonOf(packet(false).slice(0, length)), V.DROP_TOO_SHORT, `IPv4 ${length}`);
  }
  for (let length = 0; length < packet(true).length; length += 1) {
    assert.is(reasonOf(packet(true).slice(0, length)), V.DROP_TOO_SHORT, `IPv6 ${length}`);
  }
});

packets('headers that do not fit their own packet are too short', () => {
  assert.is(reasonOf(changed(false, [[IPV4_TOTAL_LENGTH + 1, 39]])), V.DROP_TOO_SHORT);
  assert.is(reasonOf(changed(true, [[IPV6_PAYLOAD_LENGTH + 1, 19]])), V.DROP_TOO_SHORT);
  assert.is(reasonOf(changed(false, [[AT4 + TCP_DATA_OFFSET, 0xf0]])), V.DROP_TOO_SHORT);
  assert.is(reasonOf(changed(true, [[AT6 + TCP_DATA_OFFSET, 0xf0]])), V.DROP_TOO_SHORT);
});

packets('other versions are not IP', () => {
  for (const version of [0x05, 0x15, 0x55, 0x75, 0xf5]) {
    assert.is(reasonOf(changed(false, [[0, version]])), V.DROP_NOT_IP);
  }
});

packets('lengths that cannot be are a bad header', () => {
  assert.is(reasonOf(changed(false, [[0, 0x44]])), V.DROP_BAD_HEADER);
  assert.is(reasonOf(changed(false, [[IPV4_TOTAL_LENGTH + 1, 19]])), V.DROP_BAD_HEADER);
  assert.is(reasonOf(changed(false, [[AT4 + TCP_DATA_OFFSET, 0x40]])), V.DROP_BAD_HEADER);
  assert.is(reasonOf(changed(true, [[AT6 + TCP_DATA_OFFSET, 0x40]])), V.DROP_BAD_HEADER);
});

packets('IPv4 options and IPv6 extension headers are refused', () => {
  for (let words = 6; words < 16; words += 1) {
    assert.is(reasonOf(changed(false, [[0, 0x40 + words]])), V.DROP_IP_OPTIONS);
  }
  for (const next of [0, 43, 50, 51, 60, 135]) {
    assert.is(reasonOf(changed(true, [[IPV6_NEXT_HEADER, next]])), V.DROP_IP_OPTIONS);
  }
});

packets('fragments are refused, the "do not fragment" bit is not', () => {
  assert.is(reasonOf(changed(false, [[IPV4_FRAGMENT, 0x20]])), V.DROP_FRAGMENT);
  assert.is(reasonOf(changed(false, [[IPV4_FRAGMENT, 0x01]])), V.DROP_FRAGMENT);
  assert.is(reasonOf(changed(false, [[IPV4_FRAGMENT + 1, 0x01]])), V.DROP_FRAGMENT);
  assert.is(reasonOf(changed(true, [[IPV6_NEXT_HEADER, 44]])), V.DROP_FRAGMENT);
  assert.is(reasonOf(changed(false, [[IPV4_FRAGMENT, 0x40]])), GOOD);
  assert.is(reasonOf(changed(false, [[IPV4_FRAGMENT, 0x00]])), GOOD);
});

packets('other protocols are not TCP', () => {
  assert.is(reasonOf(changed(false, [[IPV4_PROTOCOL, 17]])), V.DROP_NOT_TCP);
  assert.is(reasonOf(changed(true, [[IPV6_NEXT_HEADER, 17]])), V.DROP_NOT_TCP);
});

packets('flags that cannot be are refused', () => {
  for (const [six, at] of [
    [false, AT4],
    [true, AT6],
  ] as const) {
    for (const flags of [0, 0xc0, TCP_SYN | TCP_FIN, TCP_SYN | TCP_RST]) {
      assert.is(reasonOf(changed(six, [[at + TCP_FLAGS, flags]])), V.DROP_BAD_FLAGS);
    }
  }
});

packets('padding behind the packet is cut off', () => {
  const padded = new Uint8Array(100);
  padded.set(packet());
  assert.is(host.forward(padded).packet.length, packet().length);
});

packets('any bytes get a verdict, and every packet is counted once', () => {
  const random = new Random(7);
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = random.chance(0.3) ? random.bytes(random.below(120)) : packet(random.chance(0.5));
    for (let flips = random.below(4); flips > 0; flips -= 1) {
      if (bytes.length > 0) bytes[random.below(bytes.length)] = random.next();
    }
    host.forward(bytes);
    host.queued();
  }
  assert.is(host.counter(V.COUNTER_RECEIVED), host.counted());
});

packets.run();
