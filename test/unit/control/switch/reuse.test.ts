// A client that begins anew on the ports of a connection whose request it never finished.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK } from '../../../../assembly/wire/tcp.ts';
import { Client, REQUEST } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('switch, reuse');

async function halfOpen(text: string): Promise<[Rig, Client]> {
  const rig = await Rig.make(testConfig(1));
  rig.up(1);
  const before = new Client(rig, { isn: 1000 });
  before.open();
  if (text !== '') before.send(text);
  rig.take();
  return [rig, before];
}

for (const text of ['', 'GET / HT']) {
  test(`reuse: a younger handshake takes the ports, after "${text}"`, async () => {
    const [rig] = await halfOpen(text);
    const client = new Client(rig, { isn: 900_000 });
    client.open();
    assert.equal(rig.take(), [], 'no challenge: client and switch would answer each other');
    client.send(REQUEST);
    assert.is(rig.count('handoff'), 1);
    assert.is(rig.last('handoff').clientIsn, client.isn);
    assert.is(rig.plane.stats().openings.gathering, 0);
  });
}

test('reuse: a late acknowledgment of an older handshake ends nothing', async () => {
  const [rig, older] = await halfOpen('');
  const client = new Client(rig, { isn: 900_000 });
  client.open();
  client.send(REQUEST.slice(0, 8));
  older.flag(TCP_ACK, { payload: new TextEncoder().encode(REQUEST) });
  assert.is(rig.count('handoff'), 0);
  assert.is(client.state(), L.STATE_GATHERING);
  client.send(REQUEST.slice(8));
  assert.is(rig.last('handoff').clientIsn, client.isn);
});

test.run();
