import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { PacketParts } from '../../src/packet/build.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { readPacket } from '../../src/packet/read.ts';
import { CoreHost, address4, address6 } from '../support/core-host.ts';
import type { Outcome } from '../support/core-host.ts';

const atAgent = suite('agent');
const ID = { run: 21, counter: 22 };
const DELTA = 0x70000001;
const OFFSET = 0xfffff000;
const NOW = 9_000;
const TEXT = new Uint8Array([72, 84, 84, 80, 47]);

/** Addresses: client 1, VIP 2, handoff 3, service 4. */
const of = (six: boolean, number: number): Uint8Array =>
  six ? address6(1, number) : address4(1, number);

async function agentHost(six: boolean, state: number, flags = 0): Promise<[CoreHost, number]> {
  const network = of(six, 4);
  const host = await CoreHost.create({
    role: 'agent',
    serviceNetworks: [{ network, length: six ? 40 : 24 }],
  });
  const template = host.connections
    .template()
    .key({ client: of(six, 1), clientPort: 40_000, local: of(six, 3), localPort: 8001 })
    .server(of(six, 4), 8080)
    .vip(of(six, 2), 80)
    .entry32(L.ENTRY_SEQUENCE_DELTA, DELTA)
    .entry32(L.ENTRY_TIMESTAMP_OFFSET, OFFSET)
    .entry8(L.ENTRY_SERVER_SCALE, 9)
    .entry8(L.ENTRY_SWITCH_SCALE, 7)
    .entry8(L.ENTRY_LEASE, 3)
    .state(state)
    .flags(flags)
    .id(ID)
    .created(NOW);
  assert.ok(template);
  return [host, host.core.insert(host.owner, L.CONTROL_TEMPLATE)];
}

function fromClient(six: boolean, flags: number, more: Partial<PacketParts> = {}): PacketParts {
  return {
    source: of(six, 1),
    destination: of(six, 3),
    sourcePort: 40_000,
    destinationPort: 8001,
    sequence: 1000,
    acknowledgment: 5000,
    flags,
    options: { timestamps: { value: 50, echo: 60 }, sack: [[5100, 5200]] },
    ...more,
  };
}

function fromServer(six: boolean, flags: number, more: Partial<PacketParts> = {}): PacketParts {
  return {
    source: of(six, 4),
    destination: of(six, 1),
    sourcePort: 8080,
    destinationPort: 40_000,
    sequence: (5000 + DELTA) >>> 0,
    acknowledgment: 1000,
    flags,
    window: 100,
    options: { timestamps: { value: 70, echo: 50 } },
    ...more,
  };
}

function sent(host: CoreHost, outcome: Outcome): ReturnType<typeof readPacket> & object {
  assert.is(outcome.verdict, V.VERDICT_FORWARD);
  host.core.bytes.set(outcome.packet, L.CONTROL_BUFFER);
  assert.is(host.core.verifyPacket(L.CONTROL_BUFFER, outcome.packet.length), 1);
  return readPacket(outcome.packet)!;
}

function expectDrop(outcome: Outcome, reason: number): void {
  assert.equal([outcome.verdict, outcome.reason], [V.VERDICT_DROP, reason]);
}

for (const six of [false, true]) {
  const name = six ? 'IPv6' : 'IPv4';

  atAgent(`${name}: both directions are translated in FORWARD and CLOSED`, async () => {
    for (const state of [L.STATE_FORWARD, L.STATE_CLOSED]) {
      const [host, entry] = await agentHost(six, state);
      const down = sent(host, host.send(fromClient(six, TCP_ACK, { payload: TEXT }), NOW));
      assert.equal(down.destination.slice(), of(six, 4));
      assert.is(down.destinationPort, 8080);
      assert.is(down.sequence, 1000);
      assert.is(down.acknowledgment, (5000 + DELTA) >>> 0);
      assert.equal(down.options.sack, [[(5100 + DELTA) >>> 0, (5200 + DELTA) >>> 0]]);
      assert.equal(down.options.timestamps, { value: 50, echo: (60 - OFFSET) >>> 0 });
      const up = sent(host, host.send(fromServer(six, TCP_ACK, { payload: TEXT }), NOW));
      assert.equal(up.source.slice(), of(six, 2));
      assert.is(up.sourcePort, 80);
      assert.is(up.sequence, 5000);
      assert.is(up.acknowledgment, 1000);
      assert.is(up.window, 400);
      assert.equal(up.options.timestamps, { value: (70 + OFFSET) >>> 0, echo: 50 });
      assert.is(host.connections.state(entry), state);
      assert.equal(host.queued(), []);
    }
  });

  atAgent(
    `${name}: a SYN-ACK of the kernel goes to control in FORWARD, and nowhere else`,
    async () => {
      for (const state of [L.STATE_FORWARD, L.STATE_DRAINING, L.STATE_CLOSED]) {
        const [host, entry] = await agentHost(six, state);
        const parts = fromServer(six, TCP_SYN | TCP_ACK);
        if (state === L.STATE_CLOSED) {
          expectDrop(host.send(parts, NOW), V.DROP_SILENT);
          continue;
        }
        const isHeld = state === L.STATE_DRAINING;
        const outcome = isHeld
          ? host.forwardHeld(buildPacket(parts), entry, NOW)
          : host.send(parts, NOW);
        assert.is(outcome.verdict, V.VERDICT_TO_CONTROL);
        const [event] = host.queued();
        assert.equal([event!.queue, event!.entry, event!.idRun], [L.QUEUE_SYN_ACK, entry, ID.run]);
        assert.equal(event!.packet, buildPacket(parts));
      }
    },
  );

  atAgent(
    `${name}: both directions go to control, counted, in REPLAYING and DRAINING`,
    async () => {
      for (const state of [L.STATE_REPLAYING, L.STATE_DRAINING]) {
        const [host, entry] = await agentHost(six, state);
        const packets = [fromServer(six, TCP_PSH | TCP_ACK), fromClient(six, TCP_ACK)];
        for (const parts of packets) {
          assert.is(host.send(parts, NOW).verdict, V.VERDICT_TO_CONTROL);
          const [event] = host.queued();
          assert.equal(event!.packet, buildPacket(parts));
          assert.equal([event!.entry, event!.idRun], [entry, ID.run]);
        }
        assert.is(host.connections.record32(entry, L.RECORD_HELD_COUNT), 2);
        sent(host, host.forwardHeld(buildPacket(packets[1]!), entry, NOW));
        const up = sent(host, host.forwardHeld(buildPacket(packets[0]!), entry, NOW));
        assert.is(up.sequence, 5000);
      }
    },
  );

  atAgent(`${name}: both FINs acknowledged close the connection, and control is told`, async () => {
    const [host, entry] = await agentHost(six, L.STATE_FORWARD);
    const close = TCP_ACK | TCP_FIN;
    // the server closes first, in a segment with data; the client answers with ACK, then with its
    // FIN
    sent(host, host.send(fromServer(six, close, { payload: TEXT }), NOW));
    assert.is(host.connections.flags(entry) & ~L.FLAG_IPV6, L.FLAG_SERVER_FIN);
    sent(host, host.send(fromClient(six, TCP_ACK, { acknowledgment: 5005 }), NOW));
    assert.is(host.connections.flags(entry) & ~L.FLAG_IPV6, L.FLAG_SERVER_FIN);
    sent(host, host.send(fromClient(six, close, { acknowledgment: 5006 }), NOW));
    assert.is(host.connections.state(entry), L.STATE_FORWARD);
    assert.equal(host.queued(), []);
    const last = { sequence: (5006 + DELTA) >>> 0, acknowledgment: 1001 };
    sent(host, host.send(fromServer(six, TCP_ACK, last), NOW));
    assert.is(host.connections.state(entry), L.STATE_CLOSED);
    assert.is(host.connections.record32(entry, L.RECORD_TERMINAL), L.TERMINAL_CLOSE);
    assert.is(host.connections.recordMs(entry, L.RECORD_DEADLINE), NOW);
    const [event] = host.queued();
    assert.equal([event!.queue, event!.entry], [L.QUEUE_CLOSED, entry]);
    assert.equal([event!.idRun, event!.idCounter], [ID.run, ID.counter]);
    assert.is(event!.packet.length, 0);
    sent(host, host.send(fromClient(six, close, { acknowledgment: 5006 }), NOW)); // a late FIN
    assert.equal(host.queued(), []);
  });
}

atAgent('a later FIN overwrites an earlier one, and its acknowledgment counts anew', async () => {
  const [host, entry] = await agentHost(false, L.STATE_FORWARD);
  const close = TCP_ACK | TCP_FIN;
  host.send(fromClient(false, close, { sequence: 2000 }), NOW);
  host.send(fromServer(false, TCP_ACK, { acknowledgment: 2001 }), NOW);
  const acked = L.FLAG_CLIENT_FIN | L.FLAG_CLIENT_FIN_ACKED;
  assert.is(host.connections.flags(entry), acked);
  host.send(fromClient(false, close, { sequence: 2000 }), NOW); // the same once more
  assert.is(host.connections.flags(entry), acked);
  host.send(fromClient(false, close, { sequence: 3000 }), NOW);
  assert.is(host.connections.flags(entry), L.FLAG_CLIENT_FIN);
  assert.is(host.connections.record32(entry, L.RECORD_CLIENT_FIN), 3001);
});

atAgent('an RST of the server is forwarded and closes; one of the client is reported', async () => {
  const [host, entry] = await agentHost(false, L.STATE_FORWARD);
  const reset = fromClient(false, TCP_RST, { options: {} });
  sent(host, host.send(reset, NOW));
  const [probe] = host.queued();
  assert.equal([probe!.queue, probe!.entry], [L.QUEUE_RESET, entry]);
  assert.equal(probe!.packet, buildPacket(reset));
  for (let count = 0; count < 9; count += 1) sent(host, host.send(reset, NOW));
  assert.is(host.queued().length, C.RESETS_LIMIT - 1, 'more of them are only noted');
  assert.is(host.connections.record32(entry, L.RECORD_RESETS), C.RESETS_LIMIT + 1);
  assert.is(host.connections.state(entry), L.STATE_FORWARD);
  sent(host, host.send(fromServer(false, TCP_RST | TCP_ACK), NOW));
  assert.is(host.connections.state(entry), L.STATE_CLOSED);
  assert.is(host.queued()[0]!.queue, L.QUEUE_CLOSED);
  assert.is(host.counter(V.COUNTER_FORWARDED), 11);
  assert.is(host.counter(V.COUNTER_RECEIVED), host.counted());
  sent(host, host.send(reset, NOW));
  assert.equal(host.queued(), []);
});

atAgent('a full ring loses no close: the record keeps the bit', async () => {
  const [host, entry] = await agentHost(false, L.STATE_FORWARD);
  // records of 128 bytes fill the ring to its last byte
  const reset = fromClient(false, TCP_RST, { options: {}, payload: new Uint8Array(40) });
  const resets = host.connections.recordAddress(entry) + L.RECORD_RESETS;
  for (let count = 0; count < 1100; count += 1) {
    host.send(reset, NOW);
    host.core.view.setUint32(resets, 0, true);
  }
  sent(host, host.send(fromServer(false, TCP_RST), NOW));
  assert.ok(host.queued().every((event) => event.queue === L.QUEUE_RESET));
  assert.is(host.connections.record32(entry, L.RECORD_TERMINAL), L.TERMINAL_CLOSE);
  const list = L.CONTROL_LIST;
  assert.is(host.core.sweep(host.owner, 0, 64, NOW + 1, 1e9, list, 8), 1);
});

atAgent('FINs acknowledged while packets are held close it when the last was sent', async () => {
  const [host, entry] = await agentHost(false, L.STATE_REPLAYING);
  const { core, connections, owner } = host;
  const close = TCP_ACK | TCP_FIN;
  const held = [
    fromClient(false, close),
    fromServer(false, close, { acknowledgment: 1001 }),
    fromClient(false, TCP_ACK, { sequence: 1001, acknowledgment: 5001 }),
  ];
  for (const parts of held) host.send(parts, NOW);
  connections.template().state(L.STATE_DRAINING);
  core.update(owner, entry, ID.run, ID.counter, L.CONTROL_TEMPLATE, C.UPDATE_STATE);
  for (const event of host.queued()) {
    assert.is(connections.state(entry), L.STATE_DRAINING);
    sent(host, host.forwardHeld(event.packet, entry, NOW));
    core.held(owner, entry, ID.run, ID.counter, 1);
  }
  assert.is(connections.state(entry), L.STATE_CLOSED);
  assert.is(connections.record32(entry, L.RECORD_TERMINAL), L.TERMINAL_CLOSE);
});

atAgent('silent and released connections send nothing to the client', async () => {
  const [silent] = await agentHost(false, L.STATE_FORWARD, L.FLAG_SILENT);
  expectDrop(silent.send(fromServer(false, TCP_ACK)), V.DROP_SILENT);
  sent(silent, silent.send(fromClient(false, TCP_ACK)));
  const [released] = await agentHost(false, L.STATE_RELEASING);
  expectDrop(released.send(fromServer(false, TCP_PSH | TCP_ACK)), V.DROP_SILENT);
});

atAgent('at a request boundary the lease decides', async () => {
  const [host] = await agentHost(false, L.STATE_FORWARD, L.FLAG_AT_BOUNDARY);
  const lease = host.header(L.HEADER_LEASE_BASE) + 3 * L.LEASE_SIZE;
  host.core.view.setFloat64(lease, NOW, true);
  sent(host, host.send(fromServer(false, TCP_ACK), NOW));
  expectDrop(host.send(fromServer(false, TCP_ACK), NOW + 1), V.DROP_LEASE_EXPIRED);
  sent(host, host.send(fromClient(false, TCP_ACK), NOW + 1));
});

atAgent('what belongs to no connection is dropped', async () => {
  const [host] = await agentHost(false, L.STATE_FORWARD);
  expectDrop(host.send(fromClient(false, TCP_ACK, { sourcePort: 1 })), V.DROP_NO_ENTRY);
  expectDrop(host.send(fromClient(false, TCP_SYN, { destinationPort: 1 })), V.DROP_NO_ENTRY);
  expectDrop(host.send(fromServer(false, TCP_ACK, { sourcePort: 1 })), V.DROP_NO_ENTRY);
  const other = of(false, 4).map((byte, index) => (index === 3 ? byte + 1 : byte));
  expectDrop(host.send(fromServer(false, TCP_ACK, { source: other })), V.DROP_NO_ENTRY);
  expectDrop(host.send(fromServer(true, TCP_ACK)), V.DROP_NO_ENTRY);
  assert.is(host.counter(V.COUNTER_RECEIVED), host.counted());
});

atAgent.run();
