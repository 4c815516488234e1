// The switch takes a batch in two stages: all entries are found, then the packets are rewritten. The plain
// version of it: one packet after the other, each in a batch of its own.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { Random } from '../../src/lab/random.ts';
import { buildPacket, type PacketParts } from '../../src/packet/build.ts';
import type { CoreHost } from '../support/core-host.ts';
import { NOW, TEXT, become, from, handshake, switchHost } from '../support/switch-host.ts';

const BATCH = 80; // more than a stage of any length, and part of the last
const ROUNDS = 60;
const CLIENTS = 24; // of each family
const MANY = 16_384; // from so many connections on, stages are longer and touch what they will read
const STATES = [L.STATE_FORWARD, L.STATE_FORWARD, L.STATE_HELD, L.STATE_DRAINING, L.STATE_CLOSED];

const test = suite('stages');

function inOneBatch(host: CoreHost, packets: Uint8Array[], nowMs: number): void {
  packets.forEach((packet, slot) => host.put(slot, packet));
  host.core.forward(0, packets.length, nowMs);
}

function oneByOne(host: CoreHost, packets: Uint8Array[], nowMs: number): void {
  const base = host.header(L.HEADER_WORKER_BASE) + L.WORKER_SLOT_BASE;
  packets.forEach((packet, slot) => {
    host.core.view.setUint32(base, host.put(slot, packet), true);
    host.core.forward(0, 1, nowMs);
  });
  host.core.view.setUint32(base, host.slot(0), true);
}

/** What must be the same behind both, beside the table: verdicts, packets, counters, control's queue. */
function outcome(host: CoreHost): unknown {
  const slots = Array.from({ length: BATCH }, (_, index) => {
    const slot = host.slot(index);
    const found = [L.SLOT_LENGTH, L.SLOT_VERDICT, L.SLOT_ENTRY].map((at) => host.header(slot + at));
    return [
      ...found,
      Buffer.from(host.core.bytes.slice(slot + L.SLOT_VNET, slot + 256)).toString('hex'),
    ];
  });
  const counters = Array.from({ length: L.COUNTER_LIMIT }, (_, index) =>
    index === V.COUNTER_LOOKUP_RETRIES ? 0 : host.counter(index),
  );
  return { slots, counters, queued: host.queued() };
}

/** Buckets, entries, records. */
function table(host: CoreHost): Uint8Array {
  return host.core.bytes.subarray(host.header(L.HEADER_BUCKET_BASE));
}

/** A new client, or an old one once more; undefined when its connection is still there. */
function open(host: CoreHost, client: number, sequence: number): PacketParts | undefined {
  const parts = from(client % 2 === 1, TCP_ACK, { sourcePort: 40_000 + client });
  const entry = entryOf(host, parts);
  if (entry !== L.NO_ENTRY && host.connections.state(entry) !== L.STATE_CLOSED) return undefined;
  return handshake(host, client % 2 === 1, { sourcePort: parts.sourcePort, sequence });
}

function entryOf(host: CoreHost, { source, sourcePort, destination }: PacketParts): number {
  return host.lookup({ client: source, clientPort: sourcePort, local: destination, localPort: 80 });
}

/** The same in both: some clients shake hands; the ACK comes in the batch, as may what follows it. */
function openSome(random: Random, hosts: CoreHost[], opened: Map<number, PacketParts>): void {
  for (let count = random.below(6); count >= 0; count -= 1) {
    const client = random.below(2 * CLIENTS);
    const sequence = random.next();
    const [first] = hosts.map((host) => open(host, client, sequence));
    if (first) opened.set(client, first);
  }
}

/** The same in both: control sets states. */
function changeSome(random: Random, hosts: CoreHost[], clients: PacketParts[]): void {
  for (let count = 8; count > 0; count -= 1) {
    const client = clients[random.below(clients.length)]!;
    const state = STATES[random.below(STATES.length)]!;
    for (const host of hosts) {
      const entry = entryOf(host, client);
      if (entry !== L.NO_ENTRY) become(host, entry, state, client.source.length === 16);
    }
  }
}

/** Both hosts, empty but for `filling` connections of others. */
async function twins(filling: number): Promise<CoreHost[]> {
  const connections = filling === 0 ? 128 : 2 * filling;
  const options = { slots: BATCH, connections, halfOpenLimit: connections };
  const hosts = [await switchHost(options), await switchHost(options)];
  for (const host of hosts) {
    for (let index = 0; index < filling; index += 1) {
      host.connections.template().state(L.STATE_FORWARD);
      host.core.view.setUint32(L.CONTROL_TEMPLATE + L.ENTRY_CLIENT_ADDRESS4, 1 + index, true);
      assert.ok(host.core.insert(host.owner, L.CONTROL_TEMPLATE) < L.NO_ENTRY);
    }
  }
  return hosts;
}

/** What a client sends that is, or is about to be, connected: the same port again is the same client. */
function segment(random: Random, opened: PacketParts[]): Uint8Array {
  const open = opened[random.below(opened.length)]!;
  const flags = [TCP_ACK, TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN, TCP_RST, TCP_SYN];
  const kind = random.below(12);
  const parts: PacketParts = {
    ...open,
    flags: flags[kind] ?? TCP_ACK,
    hops: 1 + random.below(255),
  };
  if (kind === 8) parts.sourcePort = 1 + random.below(1000); // of no connection
  if (kind === 9) parts.destinationPort = 81; // of no service
  if (random.below(2) === 0) parts.payload = TEXT;
  const packet = buildPacket(parts);
  if (kind === 10) packet[random.below(40)]! ^= 1 << random.below(8);
  return packet;
}

for (const filling of [0, MANY]) {
  const among = filling === 0 ? 'few' : 'many';
  test(`stages: a batch is what its packets one by one are, among ${among} connections`, async () => {
    const random = new Random(5);
    const hosts = await twins(filling);
    const opened = new Map<number, PacketParts>();
    for (let round = 0; round < ROUNDS; round += 1) {
      openSome(random, hosts, opened);
      if (opened.size === 0) continue;
      const clients = [...opened.values()];
      const packets = Array.from({ length: BATCH }, () => segment(random, clients));
      inOneBatch(hosts[0]!, packets, NOW + round * 300);
      oneByOne(hosts[1]!, packets, NOW + round * 300);
      const [staged, plain] = hosts.map(outcome);
      assert.equal(staged, plain, `round ${round}`);
      assert.ok(Buffer.compare(table(hosts[0]!), table(hosts[1]!)) === 0, `table, round ${round}`);
      changeSome(random, hosts, clients);
    }
    assert.ok(hosts[0]!.counter(V.COUNTER_FORWARDED) > (ROUNDS * BATCH) / 5);
    const retries = hosts.map((host) => host.counter(V.COUNTER_LOOKUP_RETRIES));
    assert.ok(retries[0]! > 0, 'no entry changed between the stages');
    assert.is(retries[1], 0);
    assert.ok(hosts[0]!.isWhole());
  });
}

test.run();
