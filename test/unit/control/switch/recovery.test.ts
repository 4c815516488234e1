// Connections of a server that died, between two requests and otherwise.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { IdleConnection } from '../../../../src/channel/idle-message.ts';
import type { Handoff } from '../../../../src/channel/messages.ts';
import { advance } from '../../../../src/packet/sequence.ts';
import { REQUEST } from '../client.ts';
import { followed, readyRig } from '../followed.ts';
import type { Rig } from '../rig.ts';

const test = suite('recovery');
const RESPONSE = 1000;
const SILENT_MS = 2000;
/** newer than what the client has echoed */
const STAMP = 2_000_000;

/** A connection that its server's agent has told of. */
async function told(changes: Partial<IdleConnection> = {}) {
  const rig = await readyRig(2);
  const { client, server, handoff } = followed(rig);
  const next = advance(client.switchIsn, 1 + RESPONSE);
  const { id, tuple } = handoff;
  const sequence = client.next;
  const idle = { id, tuple, next, timestamp: STAMP, sequence, requests: 1, ...changes };
  rig.message(server, { type: 'idle', connections: [idle] });
  return { rig, client, server, other: 3 - server, handoff, next, idle };
}

/** The server's channel breaks; its last frame came so long before. */
function die(rig: Rig, server: number, silentMs = 1000): void {
  const heardMs = rig.nowMs - silentMs;
  rig.feed({ kind: 'channel-down', peer: `server${server}`, heardMs });
}

test('recovery: no other server goes on behind bytes of which nothing was told', async () => {
  const { rig, client, server, next } = await told();
  die(rig, server);
  client.send(REQUEST, { acknowledgment: advance(next, 1) });
  rig.wait(2 * SILENT_MS);
  assert.is(rig.count('handoff'), 1);
  assert.is(rig.plane.stats().recovered, 0);
});

test('recovery: the next request goes to another server once the dead one is silent', async () => {
  const { rig, client, server, other, next, handoff } = await told();
  die(rig, server);
  const start = client.next;
  client.send(REQUEST, { acknowledgment: next });
  assert.is(rig.count('handoff'), 1, 'its agent may still speak');
  rig.wait(SILENT_MS - 1000 - 50);
  assert.is(rig.count('handoff'), 1);
  rig.wait(100);
  const again = rig.last('handoff') as Handoff;
  assert.is(rig.count('handoff', other), 1);
  assert.is(again.clientIsn, advance(start, -1));
  assert.is(again.switchIsn, advance(next, -1));
  assert.is(again.timestampSwitch, STAMP);
  assert.is(new TextDecoder().decode(again.bytes), REQUEST);
  rig.message(other, { type: 'ready', id: again.id });
  assert.is(client.state(), L.STATE_REQUESTS);
  assert.equal(
    rig.take().filter(({ flags }) => (flags & TCP_RST) !== 0),
    [],
  );
  const stats = rig.plane.stats();
  assert.is(stats.recovered, 1);
  assert.equal(
    stats.servers.map(({ active }) => active),
    server === 1 ? [0, 1] : [1, 0],
  );
  // the dead one is back, and still has it
  rig.messages = [];
  rig.feed({ kind: 'channel-up', peer: `server${server}`, hello: rig.helloOf(server) });
  const { id, tuple } = handoff;
  rig.message(server, {
    type: 'resync',
    entries: [{ id, tuple, clientIsn: client.isn }],
    last: true,
  });
  assert.equal((rig.last('close') as { id: unknown }).id, id);
});

test('recovery: a server that is silent long enough is not waited for', async () => {
  const { rig, client, server, other, next } = await told();
  die(rig, server);
  rig.wait(5000);
  client.send(REQUEST, { acknowledgment: next });
  rig.wait(20);
  assert.is(rig.count('handoff', other), 1);
});

test('recovery: what was sent to the dead server since goes nowhere else', async () => {
  const { rig, client, server, other, next } = await told();
  client.send(REQUEST, { acknowledgment: next });
  die(rig, server);
  client.send(REQUEST, { acknowledgment: next });
  rig.wait(10_000);
  assert.is(rig.count('handoff', other), 0, 'it may have run');
  assert.is(rig.plane.stats().recovered, 0);
});

test('recovery: an old report, one of another place, or a taken back one is not used', async () => {
  for (const changes of [{ requests: 2 }, { requests: 0 }, { sequence: 7 }]) {
    const { rig, client, server, other, next } = await told(changes);
    die(rig, server);
    rig.wait(5000);
    client.send(REQUEST, { acknowledgment: next });
    rig.wait(1000);
    assert.is(rig.count('handoff', other), 0);
  }
});

test('recovery: a report of its last server counts for nothing at the next one', async () => {
  const { rig, client, server, other, next } = await told();
  die(rig, server);
  rig.wait(5000);
  client.send(REQUEST, { acknowledgment: next });
  rig.wait(20);
  rig.message(other, { type: 'ready', id: rig.last('handoff').id });
  rig.feed({ kind: 'channel-up', peer: `server${server}`, hello: rig.helloOf(server) });
  rig.message(server, { type: 'resync', entries: [], last: true });
  die(rig, other);
  rig.wait(5000);
  client.send(REQUEST, { acknowledgment: next });
  rig.wait(1000);
  assert.is(rig.count('handoff', server), 1, 'the first one of all');
});

test('recovery: a server that is back in time keeps its connection', async () => {
  const { rig, client, server, other, next, handoff } = await told();
  const hello = { ...rig.helloOf(server) };
  hello.capabilities = [...hello.capabilities, 'release'];
  die(rig, server);
  client.send(REQUEST, { acknowledgment: next });
  rig.feed({ kind: 'channel-up', peer: `server${server}`, hello });
  const { id, tuple } = handoff;
  rig.message(server, {
    type: 'resync',
    entries: [{ id, tuple, clientIsn: client.isn }],
    last: true,
  });
  assert.is(rig.count('release', server), 1, 'the request waits for an answer now');
  rig.wait(5000);
  assert.is(rig.count('handoff', other), 0);
  rig.message(server, { type: 'released', id, tuple, next, timestamp: 9000 });
  assert.is(rig.count('handoff'), 2);
});

test('recovery: with no other server the request goes on as before', async () => {
  const { rig, client, server, other, next } = await told();
  die(rig, other);
  die(rig, server);
  rig.take();
  client.send(REQUEST, { acknowledgment: next });
  assert.is(rig.take().filter(({ payload }) => payload.length > 0).length, 1);
});

test('recovery: long after, or when the agent has forgotten it, it is parked', async () => {
  for (const isBack of [false, true]) {
    const { rig, client, server, other, next } = await told();
    die(rig, server);
    if (isBack) {
      rig.feed({ kind: 'channel-up', peer: `server${server}`, hello: rig.helloOf(server) });
      rig.message(server, { type: 'resync', entries: [], last: true });
      die(rig, server);
    } else rig.wait(60_000);
    assert.equal(rig.take(), [], 'its client sees nothing of it');
    assert.is(rig.plane.stats().parked, 1);
    client.send(REQUEST, { acknowledgment: next });
    assert.is(rig.count('handoff', other), 1);
  }
});

test('recovery: the FIN of a parked connection is answered', async () => {
  const { rig, client, server, next } = await told();
  die(rig, server);
  rig.wait(60_000);
  client.flag(TCP_ACK | TCP_FIN, { acknowledgment: next });
  const [answer] = rig.take();
  assert.is(answer!.flags & TCP_FIN, TCP_FIN);
  assert.is(answer!.sequence, next);
});

test.run();
