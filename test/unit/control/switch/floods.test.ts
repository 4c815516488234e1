// What strangers can make many of is bounded, and the oldest or cheapest goes first.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_FIN, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { Config } from '../../../../src/config/config.ts';
import { Client, REQUEST, handed } from '../client.ts';
import { Rig, rigUp, testConfig } from '../rig.ts';

const test = suite('switch: floods');
const HALF = 'GET /a HTTP/1.1\r\nHo';
const REFUSED = 'GET / HTTP/1.1\r\n\r\n';

const free = (rig: Rig): number => rig.core.view.getUint32(L.HEADER_FREE_COUNT, true);

function opened(rig: Rig, count: number, text: string): Client[] {
  return Array.from({ length: count }, (_, index) => {
    const client = new Client(rig, { port: 1000 + index });
    client.open(false);
    client.send(text);
    return client;
  });
}

test('half-read requests: a stated number is held, the oldest is reset and leaves no entry', async () => {
  const rig = await rigUp();
  const { halfReadLimit } = rig.plane.stats();
  assert.is(halfReadLimit, 32, 'an eighth of the table');
  opened(rig, halfReadLimit, HALF);
  rig.take();
  const [first, second] = [new Client(rig, { port: 1000 }), new Client(rig, { port: 1001 })];
  const late = new Client(rig, { port: 5000 });
  late.open(false);
  late.send(HALF);
  assert.equal(
    rig.take().map(({ flags, destinationPort }) => [flags, destinationPort]),
    [[TCP_RST | TCP_ACK, 1000]],
  );
  assert.is(first.state(), L.STATE_FREE);
  assert.is(second.state(), L.STATE_GATHERING);
  late.send(REQUEST.slice(HALF.length));
  assert.is(rig.count('handoff'), 1, 'what is complete does not count');
  const { halfReadEvicted, openings } = rig.plane.stats();
  assert.equal([halfReadEvicted, openings.gathering], [1, halfReadLimit - 1]);
});

test('half-read requests: the configured number, and no more than an eighth of the table', async () => {
  const base = testConfig(1);
  for (const [halfRead, limit] of [
    [5, 5],
    [500, 32],
  ] as const) {
    const changes: Partial<Config> = { switch: { ...base.switch!, halfRead } };
    const rig = await Rig.make(testConfig(1, changes));
    rig.up(1);
    opened(rig, 60, HALF);
    const { openings, halfReadEvicted } = rig.plane.stats();
    assert.equal([openings.gathering, halfReadEvicted], [limit, 60 - limit]);
    assert.is(256 - free(rig), limit);
  }
});

test('refused requests: whose clients stay silent are bounded, and leave no entry behind', async () => {
  const rig = await rigUp();
  opened(rig, 200, REFUSED);
  const { openings, farewellsCut, farewellsLimit, refused } = rig.plane.stats();
  assert.equal(refused, { 400: 200 });
  assert.equal([openings.refused, farewellsCut], [farewellsLimit, 200 - farewellsLimit]);
  assert.is(256 - free(rig), farewellsLimit);
});

test('refused requests: closed ones go before their time when the table is nearly full', async () => {
  const rig = await rigUp();
  for (let port = 1000; port < 1250; port += 1) {
    const client = new Client(rig, { port });
    client.open(false);
    client.send(REFUSED);
    const answer = rig.take().at(-1)!;
    const acknowledgment = (client.ack + answer.payload.length + 1) >>> 0;
    client.flag(TCP_ACK | TCP_FIN, { acknowledgment });
    assert.is(client.state(), L.STATE_CLOSED, 'what it sent may come again, under a good cookie');
  }
  assert.is(free(rig), 6);
  for (let port = 2000; port < 2030; port += 1) {
    const client = new Client(rig, { port });
    client.open(false);
    client.send(REQUEST);
  }
  assert.is(rig.count('handoff'), 30, 'at once, with no tick in between');
  assert.is(rig.plane.stats().closedEvicted, 250);
});

test('a full table: connections that only linger make room, open ones stay', async () => {
  const rig = await rigUp();
  const parts = Array.from({ length: 250 }, (_, index) => handed(rig, { port: 1000 + index }));
  for (const { handoff, server } of parts) rig.message(server, { type: 'ready', id: handoff.id });
  const [open, over] = [parts.slice(0, 100), parts.slice(100)];
  for (const { handoff, server } of over) {
    rig.message(server, { type: 'close', id: handoff.id, tuple: handoff.tuple });
  }
  assert.is(free(rig), 6);
  rig.wait(1900);
  assert.is(free(rig), 6, 'copies of their packets may still be on their way');
  rig.wait(1000);
  assert.is(free(rig), 156);
  assert.is(rig.plane.stats().closedEvicted, 150);
  assert.ok(open.every(({ client }) => client.state() === L.STATE_FORWARD));
});

test.run();
