import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TCP_ACK, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import { Client } from '../client.ts';
import { Rig, rigUp, testConfig } from '../rig.ts';

const test = suite('strays');
const ACKNOWLEDGED = 123_456_789;

/** A packet in the middle of a connection that the switch does not know. */
function stray(rig: Rig, port = 5000): void {
  new Client(rig, { port }).flag(TCP_ACK, { acknowledgment: ACKNOWLEDGED });
}

test('strays: silence for a second from the first packet, then RST where the client expects it', async () => {
  const rig = await rigUp();
  stray(rig);
  rig.wait(900);
  stray(rig);
  assert.equal(rig.take(), []);
  rig.wait(200);
  stray(rig);
  const [reset, ...more] = rig.take();
  assert.is(reset!.flags, TCP_RST);
  assert.is(reset!.sequence, ACKNOWLEDGED);
  assert.is(reset!.destinationPort, 5000);
  assert.equal(more, []);
  assert.equal(rig.plane.stats().resets, { unknown: 1 });
});

test('strays: none is answered before every agent has listed its connections, or is dead', async () => {
  const rig = await Rig.make(testConfig(2), undefined, 0);
  rig.up(1);
  rig.up(2, false);
  stray(rig);
  rig.wait(5000);
  stray(rig);
  assert.equal(rig.take(), []);
  rig.message(2, { type: 'resync', entries: [], last: true });
  stray(rig);
  assert.is(rig.take()[0]!.flags, TCP_RST);
});

test('strays: an agent that never came holds up nobody for more than 10 s', async () => {
  const rig = await Rig.make(testConfig(2), undefined, 0);
  rig.up(1);
  stray(rig);
  rig.wait(9500);
  stray(rig);
  assert.equal(rig.take(), []);
  rig.wait(600);
  stray(rig);
  assert.is(rig.take()[0]!.flags, TCP_RST);
});

test('strays: an RST is never answered', async () => {
  const rig = await rigUp();
  const client = new Client(rig, { port: 5000 });
  for (let second = 0; second < 3; second += 1) {
    client.flag(TCP_ACK | TCP_RST, { acknowledgment: ACKNOWLEDGED });
    rig.wait(1000);
  }
  assert.equal(rig.take(), []);
});

test('strays: control sees a bounded number of forged packets', async () => {
  const rig = await rigUp();
  let shown = 0;
  const seen = rig.plane.receive.bind(rig.plane);
  rig.plane.receive = (event, nowMs) => {
    if (event.kind === 'packet') shown += 1;
    return seen(event, nowMs);
  };
  for (let port = 1; port <= 1000; port += 1) stray(rig, port);
  assert.ok(shown > 0 && shown <= 32, String(shown));
});

test.run();
