import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as C from '../../assembly/calls.ts';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '../../assembly/wire/tcp.ts';
import type { PacketParts } from '../../src/packet/build.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { readPacket } from '../../src/packet/read.ts';
import { CoreHost } from '../support/core-host.ts';
import {
  ID,
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
import { Random } from '../../src/lab/random.ts';

const atSwitch = suite('switch');

for (const state of [L.STATE_HELD, L.STATE_DRAINING]) {
  atSwitch(
    `state ${state}: packets are counted and go to control with the handoff id`,
    async () => {
      const host = await switchHost();
      const ack = handshake(host, false);
      const { entry } = host.send(ack, NOW);
      become(host, entry, L.STATE_HELD);
      host.send(ack, NOW);
      if (state === L.STATE_DRAINING) become(host, entry, state);
      host.send(ack, NOW);
      assert.is(host.connections.record32(entry, L.RECORD_HELD_COUNT), 2);
      const events = host.queued();
      assert.is(events.length, 2);
      for (const event of events)
        assert.equal([event.idRun, event.idCounter], [ID.run, ID.counter]);
      host.core.held(host.owner, entry, ID.run, ID.counter, 2);
      const forwards = state === L.STATE_DRAINING;
      assert.is(host.connections.state(entry), forwards ? L.STATE_FORWARD : state);
      assert.is(host.send(ack, NOW).verdict, forwards ? V.VERDICT_FORWARD : V.VERDICT_TO_CONTROL);
    },
  );
}

atSwitch('a full ring drops by name and uncounts; DRAINING still ends', async () => {
  const host = await switchHost();
  const ack = { ...handshake(host, false), payload: new Uint8Array(1400) };
  const { entry } = host.send(ack, NOW);
  become(host, entry, L.STATE_HELD);
  let queued = 0;
  for (;;) {
    const outcome = host.send(ack, NOW);
    if (outcome.verdict === V.VERDICT_TO_CONTROL) queued += 1;
    else {
      expectDrop(outcome, V.DROP_TO_CONTROL_FULL);
      break;
    }
  }
  become(host, entry, L.STATE_DRAINING);
  expectDrop(host.send(ack, NOW), V.DROP_TO_CONTROL_FULL);
  const events = host.queued();
  assert.is(events.length, queued + 1); // the QUEUE_OPEN
  for (const event of events) assert.equal(event.packet, buildPacket(ack));
  host.core.held(host.owner, entry, ID.run, ID.counter, queued);
  assert.is(host.connections.state(entry), L.STATE_FORWARD);
  assert.is(host.counter(V.COUNTER_RECEIVED), host.counted());
});

atSwitch(
  'CLOSED: still forwarded; a new ISN gets a cookie, and its ACK replaces the entry',
  async () => {
    const host = await switchHost();
    const old = handshake(host, false);
    const { entry } = host.send(old, NOW);
    become(host, entry, L.STATE_CLOSED);
    assert.is(host.send(old, NOW).verdict, V.VERDICT_FORWARD);
    assert.is(host.send({ ...old, flags: TCP_ACK | TCP_FIN }, NOW).verdict, V.VERDICT_FORWARD);
    const again = from(false, TCP_SYN, { options: SYN_OPTIONS });
    assert.is(host.send(again, NOW).verdict, V.VERDICT_FORWARD); // the old SYN, once more

    const fresh = handshake(host, false, { sequence: 77 });
    assert.is(host.connections.state(entry), L.STATE_CLOSED);
    const outcome = host.send({ ...fresh, payload: TEXT }, NOW);
    assert.is(outcome.verdict, V.VERDICT_TO_CONTROL);
    assert.is(host.queued().at(-1)!.queue, L.QUEUE_OPEN);
    assert.is(host.linked(), 1);
    assert.is(host.connections.state(outcome.entry), L.STATE_GATHERING);
    assert.is(host.connections.record32(outcome.entry, L.RECORD_CLIENT_ISN), 77);
    assert.equal(host.connections.id(outcome.entry), { run: 0, counter: 0 });
    assert.ok(host.isWhole());
  },
);

atSwitch('CLOSED: a kept copy of a connection before it does not begin anew', async () => {
  const host = await switchHost();
  const sequence = (from(false, TCP_SYN).sequence - 5000) >>> 0;
  const kept = handshake(host, false, { sequence });
  const { entry } = host.send(handshake(host, false), NOW);
  become(host, entry, L.STATE_CLOSED);
  assert.is(host.send({ ...kept, payload: TEXT }, NOW).verdict, V.VERDICT_FORWARD);
  assert.is(host.connections.state(entry), L.STATE_CLOSED);
  handshake(host, false, { sequence });
  const what = 'nor with a kept copy of its SYN';
  assert.is(host.send({ ...kept, payload: TEXT }, NOW).verdict, V.VERDICT_FORWARD, what);
  const timestamps = { value: SYN_OPTIONS.timestamps.value + 9, echo: 0 };
  handshake(host, false, { sequence, options: { ...SYN_OPTIONS, timestamps } });
  assert.is(host.send({ ...kept, payload: TEXT }, NOW).verdict, V.VERDICT_TO_CONTROL);
  assert.ok(host.isWhole());
});

atSwitch('CLOSED without a server: nothing is forwarded', async () => {
  const host = await switchHost();
  const ack = handshake(host, false);
  const { entry } = host.send(ack, NOW);
  host.connections.template().state(L.STATE_CLOSED);
  host.core.update(host.owner, entry, 0, 0, L.CONTROL_TEMPLATE, C.UPDATE_STATE);
  expectDrop(host.send(ack, NOW), V.DROP_NO_ENTRY);
});

atSwitch('above the half-open limit the cookie alone serves', async () => {
  const host = await switchHost({ halfOpenLimit: 1 });
  expectDrop(host.send(handshake(host, false), NOW), V.DROP_ABSORBED);
  const second = handshake(host, false, { sourcePort: 40_001 });
  expectDrop(host.send(second, NOW), V.DROP_HALF_OPEN_FULL);
  const outcome = host.send({ ...second, payload: TEXT }, NOW);
  assert.equal([outcome.verdict, outcome.entry], [V.VERDICT_TO_CONTROL, L.NO_ENTRY]);
  assert.is(host.queued()[0]!.entry, L.NO_ENTRY);
  assert.is(host.header(L.HEADER_HALF_OPEN_COUNT), 1);
  assert.ok(host.isWhole());
});

atSwitch('a bucket that stays locked drops by name, in both modes', async () => {
  for (const table of ['keyed', 'paper'] as const) {
    const host = await switchHost({ table });
    const ack = handshake(host, false);
    const { entry } = host.send(ack, NOW);
    become(host, entry, L.STATE_FORWARD);
    const hash = host.connections.entry32(entry, L.ENTRY_HASH);
    const mask = host.header(L.HEADER_BUCKET_COUNT) - 1;
    const bucket = host.header(L.HEADER_BUCKET_BASE) + (hash & mask) * L.BUCKET_SIZE;
    const version = host.header(bucket);
    host.core.view.setUint32(bucket, version | (200 << L.VERSION_OWNER_SHIFT) | 1, true);
    expectDrop(host.send(ack, NOW), V.DROP_TABLE_BUSY);
    host.core.view.setUint32(bucket, version, true);
    assert.is(host.send(ack, NOW).verdict, V.VERDICT_FORWARD);
  }
});

atSwitch('a batch keeps its order and says how many leave', async () => {
  const host = await switchHost();
  const ack = handshake(host, false);
  const { entry } = host.send(ack, NOW);
  become(host, entry, L.STATE_FORWARD);
  const packets = [{ ...ack, flags: TCP_RST, sourcePort: 1 }, ack, from(false, TCP_SYN), ack];
  packets.forEach((parts, index) => host.put(index, buildPacket(parts)));
  assert.is(host.core.forward(0, 4, NOW), 3);
  const verdicts = packets.map((_, index) =>
    host.core.view.getUint32(host.slot(index) + L.SLOT_VERDICT, true),
  );
  assert.equal(verdicts, [
    V.DROP_HEADER_ONLY_RESET << 8,
    V.VERDICT_FORWARD,
    V.VERDICT_FORWARD,
    V.VERDICT_FORWARD,
  ]);
});

atSwitch(
  'random packets of random connections: the counters add up and the table stays whole',
  async () => {
    for (const build of ['release', 'single'] as const) {
      const host = await randomRun(build);
      assert.is(host.counter(V.COUNTER_RECEIVED), 30_000);
      assert.is(host.counted(), 30_000);
      assert.ok(host.counter(V.COUNTER_FORWARDED) > 100);
      assert.ok(host.isWhole());
    }
  },
);

async function randomRun(build: 'release' | 'single'): Promise<CoreHost> {
  const services = [VIP4, VIP6].map((address) => ({ address, port: 80 }));
  const host = await CoreHost.create({ services, halfOpenLimit: 8, connections: 20 }, build);
  const random = new Random(11);
  const last = new Map<number, PacketParts>();
  const states = [L.STATE_HELD, L.STATE_DRAINING, L.STATE_FORWARD, L.STATE_CLOSED];
  for (let round = 0; round < 30_000; round += 1) {
    const number = random.below(40);
    const six = (number & 1) === 1;
    const more = { sourcePort: 1000 + number, sequence: random.below(3) * 1000 };
    const flags = random.pick([TCP_SYN, TCP_ACK, TCP_ACK, TCP_ACK | TCP_FIN, TCP_RST, TCP_PSH]);
    const known = last.get(number);
    const parts = known && flags !== TCP_SYN ? { ...known, flags } : from(six, flags, more);
    if (random.chance(0.5)) parts.payload = TEXT;
    const outcome = host.send(parts, round);
    if (outcome.verdict === V.VERDICT_ANSWER) {
      const synAck = readPacket(outcome.packet)!;
      const sequence = (parts.sequence + 1) >>> 0;
      last.set(number, { ...parts, sequence, acknowledgment: (synAck.sequence + 1) >>> 0 });
    }
    const { entry } = outcome;
    if (random.chance(0.2) && entry !== L.NO_ENTRY) become(host, entry, random.pick(states), six);
    if (random.chance(0.05) && entry !== L.NO_ENTRY) {
      const id = host.connections.id(entry);
      host.core.remove(host.owner, entry, id.run, id.counter);
    }
    if (random.chance(0.01)) host.queued();
  }
  return host;
}

atSwitch.run();
