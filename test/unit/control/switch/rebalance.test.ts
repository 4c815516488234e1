// Connections shared anew after servers came: what is planned, and what moves.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Handoff, Release } from '../../../../src/channel/messages.ts';
import { advance } from '../../../../src/packet/sequence.ts';
import { REQUEST } from '../client.ts';
import { followed, readyRig } from '../followed.ts';
import type { Rig } from '../rig.ts';

const test = suite('rebalance');
const RESPONSE = 1000;

function setMode(rig: Rig, server: number, mode: 'ready' | 'drain'): void {
  rig.feed({ kind: 'mode', server: `server${server}`, mode });
}

/** So many connections, all of them on the first server. */
async function lopsided(count: number) {
  const rig = await readyRig(2);
  setMode(rig, 2, 'drain');
  const all = Array.from({ length: count }, (_, index) => followed(rig, 41_000 + index));
  setMode(rig, 2, 'ready');
  return { rig, all };
}

function asked(rig: Rig): Release[] {
  const releases = rig.messages.flatMap(({ message }) =>
    message.type === 'release' ? [message] : [],
  );
  rig.messages = [];
  return releases;
}

function give(rig: Rig, { id, tuple, acknowledgment }: Release): void {
  const next = advance(acknowledgment, RESPONSE);
  rig.message(1, { type: 'released', id, tuple, next, timestamp: 0 });
}

const moves = (rig: Rig) => rig.plane.shares().map((each) => each.moves);

test('rebalance: the plan counts by weight, and moves nothing', async () => {
  const { rig } = await lopsided(12);
  const weight = 1;
  assert.equal(rig.plane.shares(), [
    { server: 'server1', weight, active: 12, share: 6, moves: 6 },
    { server: 'server2', weight, active: 0, share: 6, moves: 0 },
  ]);
  rig.wait(5000);
  assert.equal(asked(rig), []);
});

test('rebalance: a server that is not open has no share, and gives nothing', async () => {
  const { rig } = await lopsided(12);
  setMode(rig, 2, 'drain');
  assert.equal(
    rig.plane.shares().map(({ share }) => share),
    [12, null],
  );
  assert.equal(moves(rig), [0, 0]);
});

test('rebalance: so many are asked for and parked as are too many; busy ones stay', async () => {
  const { rig } = await lopsided(12);
  rig.feed({ kind: 'rebalance' });
  rig.wait(1000);
  const first = asked(rig);
  assert.is(first.length, 6);
  const [busy, ...others] = first;
  rig.message(1, { type: 'busy', id: busy!.id, reason: 'later' });
  for (const release of others) give(rig, release);
  assert.is(rig.plane.stats().parked, 5);
  rig.wait(1000);
  for (const release of asked(rig)) give(rig, release);
  assert.is(rig.plane.stats().parked, 6);
  assert.is(rig.plane.stats().servers[0]!.active, 6);
  rig.wait(20_000);
  assert.equal(asked(rig), []);
});

test('rebalance: what stays busy stays, and is not asked for for ever', async () => {
  const { rig } = await lopsided(4);
  rig.feed({ kind: 'rebalance' });
  rig.wait(500);
  assert.is(asked(rig).length, 2);
  rig.wait(20_000);
  const stats = rig.plane.stats();
  assert.is(stats.parked, 0);
  assert.is(stats.servers[0]!.active, 4);
});

test('rebalance: the next request of a connection that has left is handed over', async () => {
  const { rig, all } = await lopsided(2);
  rig.feed({ kind: 'rebalance' });
  rig.wait(1000);
  const [release] = asked(rig);
  give(rig, release!);
  const { client } = all.find(({ handoff }) => handoff.id.counter === release!.id.counter)!;
  client.send(REQUEST, { acknowledgment: advance(client.switchIsn, 1 + RESPONSE) });
  const handoff = rig.last('handoff') as Handoff;
  assert.is(new TextDecoder().decode(handoff.bytes), REQUEST);
  assert.equal(moves(rig), [0, 0]);
});

test.run();
