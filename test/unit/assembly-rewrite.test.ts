import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROLE_AGENT, ROLE_SWITCH } from '../../assembly/layout.ts';
import { loadParts } from '../support/core-parts.ts';
import { Random } from '../../src/lab/random.ts';
import { aimAtZero, makePacket } from '../support/rewrite-aims.ts';
import {
  complete,
  expected,
  headerSize,
  randomConnection,
  writeEntry,
  type Connection,
  type Direction,
  type ModelPacket,
} from '../support/rewrite-model.ts';

const ENTRY = 8192;
const VNET = 16374;
const PACKET = 16384;
const GUARD = 64;
const count = Number(process.env['CHECKSUM_PACKETS'] ?? 50_000);
const core = loadParts();
const test = suite('rewrite');

function rewrite(packet: ModelPacket, connection: Connection, direction: Direction): Uint8Array {
  const { bytes } = packet;
  const tcp = PACKET + headerSize(packet.six);
  const end = tcp + (bytes[headerSize(packet.six) + 12]! >> 4) * 4;
  writeEntry(core.view, ENTRY, connection);
  core.prepareDeltas(ENTRY, direction === 'switch' ? ROLE_SWITCH : ROLE_AGENT);
  core.bytes.fill(0, VNET, VNET + 10);
  core.bytes[VNET] = packet.partial ? 1 : 0;
  core.bytes.set(bytes, PACKET);
  core.bytes.fill(0xa5, PACKET + bytes.length, PACKET + bytes.length + GUARD);
  if (direction === 'switch') core.toServerSwitch(PACKET, tcp, VNET, ENTRY);
  else if (direction === 'agent') core.toServerAgent(PACKET, tcp, end, VNET, ENTRY);
  else core.toClientAgent(PACKET, tcp, end, VNET, ENTRY);
  return core.bytes.slice(PACKET, PACKET + bytes.length);
}

function compare(actual: Uint8Array, wanted: Uint8Array, told: string): void {
  if (Buffer.compare(actual, wanted) === 0) return;
  const at = actual.findIndex((byte, index) => byte !== wanted[index]);
  assert.unreachable(`${told}: byte ${at} is ${actual[at]}, not ${wanted[at]}`);
}

for (const direction of ['switch', 'agent', 'client'] as const) {
  test(`rewrite: ${direction}: incremental checksums equal full ones over random packets`, () => {
    const random = new Random(count + direction.length);
    let zeros = 0;
    for (let round = 0; round < Math.ceil(count / 3); round++) {
      const connection = randomConnection(random);
      const packet = makePacket(random, connection, direction);
      if (random.chance(0.3)) aimAtZero(packet, connection, direction);
      complete(packet);
      const wanted = expected(packet, connection, direction);
      const field = headerSize(packet.six) + 16;
      if (wanted[field] === 0 && wanted[field + 1] === 0) zeros++;
      compare(rewrite(packet, connection, direction), wanted, `${direction} ${round}`);
      const guard = core.bytes.subarray(PACKET + wanted.length, PACKET + wanted.length + GUARD);
      if (!guard.every((byte) => byte === 0xa5)) assert.unreachable('wrote behind the packet');
    }
    assert.ok(zeros > count / 60, `only ${zeros} results were zero`);
  });
}

test('rewrite: a checksum that came as the other zero leaves as a full one', () => {
  const random = new Random(5);
  let tried = 0;
  for (let round = 0; round < 20_000 && tried < 100; round++) {
    const connection = randomConnection(random);
    const packet = makePacket(random, connection, 'agent');
    packet.partial = false;
    const at = packet.bytes.length - 2;
    const field = headerSize(packet.six) + 16;
    if (packet.bytes.length % 2 !== 0 || at < field + 48) continue;
    packet.bytes.fill(0, at);
    complete(packet);
    packet.bytes.copyWithin(at, field, field + 2);
    complete(packet);
    const wanted = expected(packet, connection, 'agent');
    packet.bytes.fill(0xff, field, field + 2);
    compare(rewrite(packet, connection, 'agent'), wanted, `round ${round}`);
    tried++;
  }
  assert.is(tried, 100);
});

test('rewrite: option lists of any bytes are never left, and change nothing outside', () => {
  const random = new Random(6);
  for (let round = 0; round < 20_000; round++) {
    const connection = randomConnection(random);
    const size = 4 * random.below(11);
    const tcp = headerSize(connection.six);
    const options = [{ kind: 'other' as const, bytes: random.bytes(size) }];
    options[0]!.bytes.forEach((_, at, list) => {
      if (random.chance(0.6)) list[at] = random.pick([0, 1, 2, 5, 8, 10, 18, 255]);
    });
    const packet = makePacket(random, connection, 'agent');
    const head = packet.bytes.slice(0, tcp + 20);
    head[tcp + 12] = (5 + size / 4) << 4;
    const bytes = Buffer.concat([head, options[0]!.bytes, random.bytes(32)]);
    for (const direction of ['agent', 'client'] as const) {
      const result = rewrite({ ...packet, bytes, options }, connection, direction);
      const behind = tcp + 20 + size;
      compare(result.subarray(behind), bytes.subarray(behind), `payload ${round}`);
    }
  }
});

test.run();
