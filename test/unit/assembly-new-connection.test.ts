import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { VNET_FLAGS, VNET_NEEDS_CSUM } from '../../assembly/wire/vnet.ts';
import { parseAddress } from '../../src/config/address.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { readPacket } from '../../src/packet/read.ts';
import { address4, address6 } from '../support/core-host.ts';
import {
  CLIENT_ISN,
  NOW,
  SYN_OPTIONS,
  TEXT,
  VIP4,
  VIP6,
  become,
  expectDrop,
  from,
  handshake,
  switchHost,
} from '../support/switch-host.ts';

const atSwitch = suite('new connection');

for (const six of [false, true]) {
  const name = six ? 'IPv6' : 'IPv4';

  atSwitch(
    `${name}: the ACK of a cookie makes a record and is absorbed; a SYN leaves nothing`,
    async () => {
      const host = await switchHost();
      const ack = handshake(host, six);
      assert.is(host.linked(), 0);
      const outcome = host.send(ack, NOW);
      expectDrop(outcome, V.DROP_ABSORBED);
      assert.equal(host.queued(), []);
      const { connections } = host;
      const { entry } = outcome;
      assert.is(connections.state(entry), L.STATE_GATHERING);
      const record = (field: number): number => connections.record32(entry, field);
      assert.is(record(L.RECORD_CLIENT_ISN), CLIENT_ISN);
      assert.is(record(L.RECORD_SWITCH_ISN), ((ack.acknowledgment ?? 0) - 1) >>> 0);
      assert.is(record(L.RECORD_CLIENT_NEXT), ack.sequence);
      assert.is(record(L.RECORD_CLIENT_ACK), ack.acknowledgment);
      assert.is(record(L.RECORD_TIMESTAMP_RECENT), 112);
      assert.is(record(L.RECORD_TIMESTAMP_SWITCH), ack.options?.timestamps?.echo);
      assert.is(connections.record16(entry, L.RECORD_CLIENT_WINDOW), 500);
      assert.is(connections.record8(entry, L.RECORD_CLIENT_SCALE), 7);
      assert.is(connections.record8(entry, L.RECORD_OPTIONS), L.OPTION_SACK | L.OPTION_TIMESTAMPS);
      assert.is(connections.record16(entry, L.RECORD_SERVICE), six ? 1 : 0);
      assert.is(connections.recordMs(entry, L.RECORD_DEADLINE), NOW + 20_000);
      assert.is(connections.recordMs(entry, L.RECORD_CREATED), NOW);
      assert.is(connections.entry8(entry, L.ENTRY_SWITCH_SCALE), 9);
      assert.is(connections.entry32(entry, L.ENTRY_LAST_SEEN), NOW / 1000);
      assert.is(connections.flags(entry), L.FLAG_TIMESTAMPS | (six ? L.FLAG_IPV6 : 0));
      assert.is(host.header(L.HEADER_HALF_OPEN_COUNT), 1);
    },
  );

  atSwitch(`${name}: data with the cookie goes to control with what the cookie held`, async () => {
    const host = await switchHost();
    const parts = { ...handshake(host, six), payload: TEXT };
    const outcome = host.send(parts, NOW);
    assert.is(outcome.verdict, V.VERDICT_TO_CONTROL);
    const [event] = host.queued();
    assert.is(event!.queue, L.QUEUE_OPEN);
    assert.is(event!.entry, outcome.entry);
    assert.equal([event!.idRun, event!.idCounter], [0, 0]);
    const options = L.OPTION_SACK | L.OPTION_TIMESTAMPS;
    assert.is(event!.options, (1460 | (7 << 16) | (options << 24)) >>> 0);
    assert.equal(event!.packet, buildPacket(parts));
    assert.is(host.header(L.HEADER_DOORBELL), 1);
  });

  atSwitch(`${name}: FORWARD goes to the server with right checksums and 64 hops`, async () => {
    const host = await switchHost();
    const ack = handshake(host, six);
    const { entry } = host.send(ack, NOW);
    become(host, entry, L.STATE_FORWARD, six);
    for (const flags of [TCP_ACK, TCP_ACK | TCP_FIN, TCP_RST, TCP_SYN]) {
      const outcome = host.send({ ...ack, flags, hops: 3, payload: TEXT }, NOW + 3000);
      assert.is(outcome.verdict, V.VERDICT_FORWARD);
      const packet = readPacket(outcome.packet)!;
      assert.equal(packet.destination.slice(), six ? address6(7, 7) : address4(7, 7));
      assert.is(packet.destinationPort, 8080);
      assert.is(packet.hops, 64);
      host.core.bytes.set(outcome.packet, L.CONTROL_BUFFER);
      assert.is(host.core.verifyPacket(L.CONTROL_BUFFER, outcome.packet.length), 1);
    }
    assert.is(host.connections.entry32(entry, L.ENTRY_LAST_SEEN), (NOW + 3000) / 1000);
    assert.is(host.connections.state(entry), L.STATE_FORWARD);
  });

  atSwitch(
    `${name}: what control held is rewritten whatever the state, if it is of that entry`,
    async () => {
      const host = await switchHost();
      const ack = handshake(host, six);
      const { entry } = host.send(ack, NOW);
      expectDrop(host.forwardHeld(buildPacket(ack), entry), V.DROP_NO_ENTRY); // no server yet
      become(host, entry, L.STATE_HELD, six);
      const outcome = host.forwardHeld(buildPacket(ack), entry);
      assert.is(outcome.verdict, V.VERDICT_FORWARD);
      assert.is(readPacket(outcome.packet)!.destinationPort, 8080);
      const foreign = buildPacket({ ...ack, sourcePort: 40_001 });
      expectDrop(host.forwardHeld(foreign, entry), V.DROP_NO_ENTRY);
      expectDrop(host.forwardHeld(buildPacket(ack), (entry + 1) % 64), V.DROP_NO_ENTRY);
      expectDrop(host.forwardHeld(TEXT, entry), V.DROP_TOO_SHORT);
    },
  );
}

atSwitch(
  'without an entry: RST, wrong cookies, other flags and other addresses are dropped',
  async () => {
    const host = await switchHost();
    const ack = handshake(host, false);
    expectDrop(host.send({ ...ack, flags: TCP_RST }), V.DROP_HEADER_ONLY_RESET);
    expectDrop(host.send({ ...ack, flags: TCP_RST | TCP_ACK }), V.DROP_HEADER_ONLY_RESET);
    expectDrop(host.send({ ...ack, flags: TCP_PSH }), V.DROP_NO_ENTRY);
    expectDrop(host.send({ ...ack, flags: TCP_SYN | TCP_ACK }), V.DROP_BAD_COOKIE);
    expectDrop(host.send({ ...ack, acknowledgment: ack.acknowledgment! ^ 1 }), V.DROP_BAD_COOKIE);
    expectDrop(host.send({ ...ack, sequence: ack.sequence ^ 1 }), V.DROP_BAD_COOKIE);
    expectDrop(host.send({ ...ack, sourcePort: 40_001 }), V.DROP_BAD_COOKIE);
    expectDrop(host.send({ ...ack, destinationPort: 81 }), V.DROP_NOT_SERVICE);
    expectDrop(host.send({ ...ack, destination: address4(81, 2) }), V.DROP_NOT_SERVICE);
    assert.is(host.linked(), 0);
    assert.is(host.counter(V.COUNTER_RECEIVED), host.counted());
  },
);

atSwitch('about to end: a SYN is not answered, the ACK of an earlier answer is taken', async () => {
  for (const six of [false, true]) {
    const host = await switchHost();
    const ack = handshake(host, six);
    host.connections.view.setUint32(L.HEADER_LEAVING, 1, true);
    const another = { ...ack, flags: TCP_SYN, sourcePort: 40_002 };
    expectDrop(host.send(another), V.DROP_LEAVING);
    host.send(ack, NOW);
    assert.is(host.linked(), 1);
    host.connections.view.setUint32(L.HEADER_LEAVING, 0, true);
    assert.is(host.send(another).verdict, V.VERDICT_ANSWER);
  }
});

atSwitch('without an entry: a source that no host can have is dropped', async () => {
  const host = await switchHost();
  const sources = ['0.0.0.0', '0.1.2.3', '127.0.0.1', '224.0.0.1', '239.9.9.9', '255.255.255.255'];
  const sources6 = ['::', '::1', '::ffff:10.0.0.1', 'ff02::1'];
  for (const source of [
    VIP4,
    VIP6,
    ...[...sources, ...sources6].map((text) => parseAddress(text)!),
  ]) {
    const six = source.length === 16;
    expectDrop(host.send({ ...from(six, TCP_SYN), source }), V.DROP_BAD_ADDRESS);
    expectDrop(host.send({ ...from(six, TCP_ACK), source }), V.DROP_BAD_ADDRESS);
  }
  for (const six of [false, true]) {
    expectDrop(host.send({ ...from(six, TCP_SYN), sourcePort: 0 }), V.DROP_BAD_ADDRESS);
  }
  assert.is(host.counter(V.COUNTER_COOKIES_SENT), 0);
});

atSwitch(
  'without an entry: a wrong checksum is dropped unless the device completes it',
  async () => {
    const host = await switchHost();
    for (const six of [false, true]) {
      const tcp = six ? 40 : 20;
      const ack = buildPacket(handshake(host, six));
      const syn = buildPacket(from(six, TCP_SYN, { options: SYN_OPTIONS }));
      for (const at of [tcp + 16, tcp + 15, ...(six ? [] : [8])]) {
        for (const packet of [syn, ack]) {
          const broken = Uint8Array.from(packet);
          broken[at]! ^= 0x10;
          expectDrop(host.forward(broken, NOW), V.DROP_BAD_CHECKSUM);
        }
      }
      assert.is(host.linked(), 0);
      const partial = Uint8Array.from(ack);
      partial[tcp + 16]! ^= 0x10;
      const slot = host.put(0, partial);
      host.core.view.setUint8(slot + L.SLOT_VNET + VNET_FLAGS, VNET_NEEDS_CSUM);
      host.core.forward(0, 1, NOW);
      assert.is(host.linked(), 1);
      const { entry } = host.forward(ack, NOW);
      host.core.remove(host.owner, entry, 0, 0);
      host.queued();
    }
  },
);

atSwitch('GATHERING: packets go to control, a SYN too', async () => {
  const host = await switchHost();
  const ack = handshake(host, false);
  const { entry } = host.send(ack, NOW);
  for (const flags of [TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN, TCP_RST, TCP_SYN]) {
    const outcome = host.send({ ...ack, flags, payload: TEXT }, NOW);
    assert.equal([outcome.verdict, outcome.entry], [V.VERDICT_TO_CONTROL, entry]);
    const [event] = host.queued();
    assert.equal([event!.queue, event!.entry], [L.QUEUE_PACKET, entry]);
  }
  assert.is(host.connections.record32(entry, L.RECORD_HELD_COUNT), 0);
});

atSwitch.run();
