// Connections that leave a drained server between two requests, and what becomes of them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { Handoff, Release } from '../../../../src/channel/messages.ts';
import { DEPARTURES_LIMIT } from '../../../../src/control/switch/departures.ts';
import { advance } from '../../../../src/packet/sequence.ts';
import { REQUEST } from '../client.ts';
import { followed, readyRig } from '../followed.ts';
import type { Rig } from '../rig.ts';

const test = suite('departures');
const RESPONSE = 1000;
const SECOND_MS = 1000;

function drain(rig: Rig, server: number, moves = true): void {
  rig.feed({ kind: 'mode', server: `server${server}`, mode: 'drain', moves });
}

/** Waits until the server is asked for the connection. */
function askedFor(rig: Rig): Release {
  rig.wait(SECOND_MS);
  return rig.last('release');
}

function give(rig: Rig, server: number, { id, tuple }: Release, next: number): void {
  rig.message(server, { type: 'released', id, tuple, next, timestamp: 9000 });
}

/** An idle connection that its drained server has given back; where its client is. */
async function parked() {
  const rig = await readyRig(2);
  const { client, server, handoff } = followed(rig);
  drain(rig, server);
  const release = askedFor(rig);
  const next = advance(client.switchIsn, 1 + RESPONSE);
  give(rig, server, release, next);
  rig.take();
  return { rig, client, server, handoff, release, next };
}

/** A connection whose drained server is asked for it, and whose client sends a request meanwhile. */
async function askedInTime() {
  const rig = await readyRig(2);
  const { client, server } = followed(rig);
  drain(rig, server);
  const release = askedFor(rig);
  const next = advance(client.switchIsn, 1 + RESPONSE);
  client.send(REQUEST, { acknowledgment: next });
  return { rig, server, release, next };
}

test("departures: an idle connection is asked for without a request, and is nobody's then", async () => {
  const { rig, client, server, handoff, release } = await parked();
  assert.equal(release.id, handoff.id);
  assert.is(release.sequence, client.next);
  assert.is(release.requests, 1);
  assert.is(release.waits, false);
  const stats = rig.plane.stats();
  assert.is(stats.servers[server - 1]!.active, 0);
  assert.is(stats.parked, 1);
  assert.is(rig.count('handoff'), 1, 'a replay without bytes would not be accepted');
  rig.wait(600 * SECOND_MS);
  assert.equal(rig.take(), [], 'its client sees nothing of it');
});

test('departures: the next request of a parked connection is handed to another server', async () => {
  const { rig, client, server, next } = await parked();
  const start = client.next;
  client.send(REQUEST, { acknowledgment: next });
  const handoff = rig.last('handoff') as Handoff;
  assert.not.equal(rig.messages.at(-1)!.to, `server${server}`);
  assert.is(handoff.clientIsn, advance(start, -1));
  assert.is(handoff.switchIsn, advance(next, -1));
  assert.is(new TextDecoder().decode(handoff.bytes), REQUEST);
  rig.message(3 - server, { type: 'ready', id: handoff.id });
  assert.is(client.state(), L.STATE_REQUESTS);
});

test('departures: a request that comes while its server is asked goes to another one', async () => {
  const { rig, server, release, next } = await askedInTime();
  assert.is(rig.count('handoff'), 1);
  give(rig, server, release, next);
  const handoff = rig.last('handoff') as Handoff;
  assert.is(rig.count('handoff', 3 - server), 1);
  assert.is(new TextDecoder().decode(handoff.bytes), REQUEST);
});

test('departures: what was given back before a break is not parked if a request has gone since', async () => {
  const { rig, server, release, next } = await askedInTime();
  const name = `server${server}`;
  rig.feed({ kind: 'channel-down', peer: name });
  drain(rig, server, false);
  rig.wait(SECOND_MS);
  assert.is(rig.plane.stats().followed, 1, 'the request has gone to its server');
  drain(rig, server);
  const hello = rig.helloOf(server);
  const capabilities = [...hello.capabilities, 'release'];
  rig.take();
  rig.feed({ kind: 'channel-up', peer: name, hello: { ...hello, capabilities } });
  rig.wait(SECOND_MS);
  give(rig, server, release, next);
  const [packet] = rig.take();
  assert.ok(packet && packet.flags & TCP_RST, 'the request is lost, and its client hears of it');
  assert.is(rig.plane.stats().parked, 0);
});

test('departures: while one answer is out nothing goes to the server, whatever another says', async () => {
  const { rig, server, release, next } = await askedInTime();
  assert.is(rig.count('release'), 2, 'the acknowledgment may be what it waits for');
  rig.take();
  rig.message(server, { type: 'busy', id: release.id, reason: 'later' });
  assert.equal(rig.take(), []);
  give(rig, server, release, next);
  assert.is(rig.count('handoff', 3 - server), 1);
});

test('departures: a busy connection stays, and is asked for again', async () => {
  const rig = await readyRig(2);
  const { server } = followed(rig);
  drain(rig, server);
  const first = askedFor(rig);
  rig.message(server, { type: 'busy', id: first.id, reason: 'later' });
  assert.is(rig.plane.stats().openings.following, 0);
  rig.messages = [];
  assert.equal(askedFor(rig).id, first.id);
});

test('departures: without --move, and with no other server, connections stay', async () => {
  const rig = await readyRig(2);
  const { server } = followed(rig);
  drain(rig, server, false);
  rig.wait(5 * SECOND_MS);
  assert.is(rig.count('release'), 0);
  drain(rig, 3 - server, false);
  drain(rig, server);
  rig.wait(5 * SECOND_MS);
  assert.is(rig.count('release'), 0);
});

test('departures: so many at a time, and no more', async () => {
  const rig = await readyRig(2);
  for (let port = 41_000; port < 41_200; port += 1) followed(rig, port);
  drain(rig, 1);
  rig.wait(2 * SECOND_MS);
  assert.is(rig.count('release'), DEPARTURES_LIMIT);
});

test("departures: a parked connection ends by the client's FIN, its RST, or its idle time", async () => {
  const fin = await parked();
  fin.client.flag(TCP_ACK | TCP_FIN, { acknowledgment: fin.next });
  const [answer] = fin.rig.take();
  assert.is(answer!.flags & TCP_FIN, TCP_FIN);
  assert.is(answer!.sequence, fin.next);
  const reset = await parked();
  reset.client.flag(TCP_RST);
  assert.is(reset.client.state(), L.STATE_CLOSED);
  const idle = await parked();
  idle.rig.wait(3600 * SECOND_MS);
  const [end] = idle.rig.take();
  assert.is(end!.flags & TCP_FIN, TCP_FIN);
  assert.is(end!.sequence, idle.next);
  assert.is(idle.rig.plane.stats().idleExpired, 1);
});

test('departures: an agent that lists a connection which was taken from it must close it', async () => {
  const { rig, client, server, handoff } = await parked();
  const { id, tuple } = handoff;
  rig.feed({ kind: 'channel-down', peer: `server${server}` });
  rig.messages = [];
  rig.feed({ kind: 'channel-up', peer: `server${server}`, hello: rig.helloOf(server) });
  const entries = [{ id, tuple, clientIsn: client.isn }];
  rig.message(server, { type: 'resync', entries, last: true });
  assert.equal((rig.last('close') as { id: unknown }).id, id);
});

test.run();
