import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import { handed } from '../client.ts';
import type { Client } from '../client.ts';
import { followed, readyRig } from '../followed.ts';
import { rigUp } from '../rig.ts';
import type { Rig } from '../rig.ts';

const test = suite('orphans');

async function served(): Promise<{ rig: Rig; client: Client; server: number }> {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  rig.message(server, { type: 'ready', id: handoff.id });
  client.flag(TCP_ACK);
  rig.take();
  return { rig, client, server };
}

test('orphans: the server is gone for 30 s and its client silent: RST where the client is', async () => {
  const { rig, client, server } = await served();
  rig.down(server);
  for (let second = 0; second < 29; second += 1) rig.wait(1000);
  assert.is(client.state(), L.STATE_FORWARD);
  assert.equal(rig.take(), []);
  for (let second = 0; second < 8; second += 1) rig.wait(1000);
  assert.ok(rig.take().length > 0, 'the client is asked');
  client.flag(TCP_ACK, { acknowledgment: (client.ack + 5000) >>> 0 });
  const reset = rig.take().at(-1)!;
  assert.ok((reset.flags & TCP_RST) !== 0);
  assert.is(reset.sequence, (client.ack + 5000) >>> 0);
});

test('orphans: so is a connection each of whose requests is dispatched', async () => {
  const rig = await readyRig(2);
  const { client, server } = followed(rig);
  client.flag(TCP_ACK);
  assert.is(client.state(), L.STATE_REQUESTS);
  rig.down(server);
  for (let second = 0; second < 40; second += 1) rig.wait(1000);
  assert.is(client.state(), L.STATE_HELD);
  assert.ok(rig.take().some(({ flags }) => (flags & TCP_RST) !== 0));
});

test('orphans: who still acknowledges is left alone', async () => {
  const { rig, client, server } = await served();
  rig.down(server);
  for (let second = 0; second < 60; second += 1) {
    client.flag(TCP_ACK);
    rig.wait(1000);
  }
  assert.is(client.state(), L.STATE_FORWARD);
});

test('orphans: an agent that comes back in time keeps its connection', async () => {
  const { rig, client, server } = await served();
  rig.down(server);
  for (let second = 0; second < 25; second += 1) rig.wait(1000);
  rig.feed({ kind: 'channel-up', peer: `server${server}`, hello: rig.helloOf(server) });
  for (let second = 0; second < 40; second += 1) rig.wait(1000);
  assert.is(client.state(), L.STATE_FORWARD);
});

test.run();
