import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { readPacket } from '../../src/packet/read.ts';
import { TCP_SYN } from '../../assembly/wire/tcp.ts';
import { address4, address6 } from '../support/core-host.ts';
import {
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

const test = suite('arrival');

const ARRIVAL4 = address4(129, 9);
const ARRIVAL6 = address6(129, 9);

/** A distributor: packets come to an address of its own, clients see the VIP. */
function distributor() {
  const services = [
    { address: ARRIVAL4, vip: VIP4, port: 80, windowScale: 9 },
    { address: ARRIVAL6, vip: VIP6, port: 80, windowScale: 9 },
  ];
  return switchHost({ services });
}

for (const six of [false, true]) {
  const name = six ? 'IPv6' : 'IPv4';
  const there = { destination: six ? ARRIVAL6 : ARRIVAL4 };

  test(`${name}: a SYN that comes to a distributor is answered by the VIP`, async () => {
    const host = await distributor();
    const syn = from(six, TCP_SYN, { options: SYN_OPTIONS, ...there });
    const answer = host.send(syn, NOW);
    assert.is(answer.verdict, V.VERDICT_ANSWER);
    assert.equal(readPacket(answer.packet)!.source.slice(), six ? VIP6 : VIP4);
    host.core.bytes.set(answer.packet, L.CONTROL_BUFFER);
    assert.is(host.core.verifyPacket(L.CONTROL_BUFFER, answer.packet.length), 1);
  });

  test(`${name}: cookies of a distributor and a switch are the same`, async () => {
    const host = await distributor();
    const other = await switchHost();
    const ack = handshake(other, six);
    expectDrop(other.send(ack, NOW), V.DROP_ABSORBED);
    expectDrop(host.send({ ...ack, ...there }, NOW), V.DROP_ABSORBED);
  });

  test(`${name}: its entry is found where packets come to, the VIP is no place of its`, async () => {
    const host = await distributor();
    const ack = handshake(host, six, there);
    const { entry } = host.send({ ...ack, payload: TEXT }, NOW);
    const [event] = host.queued();
    assert.equal(readPacket(event!.packet)!.destination.slice(), there.destination);
    assert.equal(host.connections.local(entry), there.destination);
    become(host, entry, L.STATE_FORWARD, six);
    assert.is(host.send(ack, NOW).verdict, V.VERDICT_FORWARD);
    expectDrop(host.send({ ...ack, destination: six ? VIP6 : VIP4 }, NOW), V.DROP_NOT_SERVICE);
  });

  test(`${name}: what comes late to a connection in PASSED goes on, and is counted`, async () => {
    const host = await distributor();
    const ack = handshake(host, six, there);
    const { entry } = host.send(ack, NOW);
    become(host, entry, L.STATE_PASSED, six);
    assert.is(host.send(ack, NOW).verdict, V.VERDICT_FORWARD);
    assert.is(host.counter(V.COUNTER_LATE), 1);
  });

  test(`${name}: any good cookie proves who sent the SYN`, async () => {
    const host = await switchHost();
    const ack = handshake(host, six);
    const { entry } = host.send(ack, NOW);
    host.core.view.setUint32(
      host.connections.recordAddress(entry) + L.RECORD_SWITCH_ISN,
      (ack.acknowledgment! + 0x40000000) >>> 0,
      true,
    );
    become(host, entry, L.STATE_UNPROVEN, six);
    const wrong = { ...ack, acknowledgment: (ack.acknowledgment! + 7) >>> 0 };
    assert.is(host.send(wrong, NOW).verdict, V.VERDICT_FORWARD);
    assert.is(host.connections.state(entry), L.STATE_UNPROVEN);
    assert.is(host.send(ack, NOW).verdict, V.VERDICT_FORWARD);
    assert.is(host.connections.state(entry), L.STATE_FORWARD);
  });
}

test.run();
