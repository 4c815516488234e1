// The switch's whole fast path over random packets: what leaves is what a plain rewrite with full
// checksums makes of it, by whichever of its paths the packet went.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import { VERDICT_FORWARD } from '../../assembly/verdict.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH } from '../../assembly/wire/tcp.ts';
import { CoreHost } from '../support/core-host.ts';
import { Random } from '../support/random.ts';
import {
  complete,
  expected,
  headerSize,
  randomConnection,
  randomOptions,
  randomPacket,
  writeEntry,
  type Connection,
  type ModelPacket,
} from '../support/rewrite-model.ts';

const count = Number(process.env['CHECKSUM_PACKETS'] ?? 50_000);
const CLIENT_PORT = 50_000;
const NOW_MS = 1000;
const test = suite('forward');

function clientAddress(random: Random, six: boolean): Uint8Array {
  const other = randomConnection(random);
  return six === other.six ? other.vip : random.bytes(six ? 16 : 4);
}

function insert(host: CoreHost, connection: Connection, client: Uint8Array): number {
  const { core } = host;
  const at = L.CONTROL_TEMPLATE;
  core.bytes.fill(0, at, at + L.TEMPLATE_SIZE);
  writeEntry(core.view, at, connection);
  core.bytes.set(client, at + (connection.six ? L.ENTRY_CLIENT_ADDRESS6 : L.ENTRY_CLIENT_ADDRESS4));
  core.view.setUint16(at + L.ENTRY_CLIENT_PORT, CLIENT_PORT);
  core.view.setUint32(at + L.ENTRY_STATE, L.STATE_FORWARD, true);
  return core.insert(host.owner, at);
}

/** Zeroes the text but for a word that makes the result's checksum the other zero. */
function aimAtZero(packet: ModelPacket, connection: Connection): void {
  const tcp = headerSize(packet.six);
  const at = packet.bytes.length - 2;
  if (packet.partial || at % 2 !== 0 || at < tcp + (packet.bytes[tcp + 12]! >> 4) * 4) return;
  packet.bytes.fill(0, at);
  const result = expected(packet, connection, 'switch');
  packet.bytes.set(result.subarray(tcp + 16, tcp + 18), at);
}

function forward(host: CoreHost, packet: ModelPacket): Uint8Array {
  const slot = host.put(0, packet.bytes);
  host.core.bytes[slot + L.SLOT_VNET] = packet.partial ? 1 : 0;
  host.core.forward(0, 1, NOW_MS);
  assert.is(host.core.view.getUint32(slot + L.SLOT_VERDICT, true), VERDICT_FORWARD);
  const text = slot + L.SLOT_PACKET;
  return host.core.bytes.slice(text, text + packet.bytes.length);
}

for (const table of ['keyed', 'paper'] as const) {
  test(`forward: ${table}: random packets leave as a full recomputation has them`, async () => {
    const host = await CoreHost.create({ table, services: [] });
    const random = new Random(count);
    for (let round = 0; round < count / 2; round++) {
      const connection = randomConnection(random);
      const client = clientAddress(random, connection.six);
      const entry = insert(host, connection, client);
      const packet = randomPacket(
        random,
        connection.six,
        [client, connection.local],
        [CLIENT_PORT, connection.localPort],
        randomOptions(random),
      );
      const flags = headerSize(packet.six) + 13;
      packet.bytes[flags] = random.pick([TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN]);
      if (!packet.six) packet.bytes[6]! &= 0x40;
      if (random.chance(0.3)) aimAtZero(packet, connection);
      complete(packet);
      const wanted = expected(packet, connection, 'switch');
      const left = forward(host, packet);
      if (Buffer.compare(left, wanted) !== 0) {
        const at = left.findIndex((byte, index) => byte !== wanted[index]);
        assert.unreachable(`round ${round}, byte ${at}: ${left[at]}, not ${wanted[at]}`);
      }
      assert.is(host.core.remove(host.owner, entry, 0, 0), 1);
    }
  });
}

test.run();
