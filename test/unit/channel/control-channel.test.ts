import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Message } from '../../../src/channel/messages.ts';
import {
  Host,
  LOCALHOST,
  TLS,
  agent,
  dialing,
  stopAll,
  wait,
} from '../../support/channel-hosts.ts';
import { examples } from '../../support/messages.ts';

const test = suite('control channel');
const close = examples['close'] as Message & { type: 'close' };

test.after.each(stopAll);

test('control channel: hello in both directions over TLS, then messages both ways', async () => {
  const server = await agent();
  const client = await dialing(server.channels.port);
  await server.until('up switch switch');
  await client.until('up server1 agent');
  assert.ok(client.channels.send('server1', examples['handoff'] as Message));
  assert.ok(server.channels.send('switch', close));
  await server.until('handoff from switch');
  await client.until('close from server1');
  assert.equal(server.messages[0], examples['handoff']);
  assert.equal(client.messages[0], close);
  assert.not(client.channels.send('server2', close), 'unknown peer');
  const [peer] = client.channels.peers();
  assert.is(peer?.name, 'server1');
  assert.ok(peer?.up && peer.dialed && peer.framesSent >= 2 && peer.framesReceived >= 2);
  assert.not(server.channels.peers()[0]?.dialed);
});

test('control channel: what is sent in one tick arrives in order', async () => {
  const server = await agent();
  const client = await dialing(server.channels.port);
  await client.until('up server1 agent');
  for (let counter = 1; counter <= 3000; counter++) {
    assert.ok(client.channels.send('server1', { type: 'ready', id: { run: 1, counter } }));
  }
  await server.until('ready from switch', 3000);
  const counters = server.messages.map((message) => message.type === 'ready' && message.id.counter);
  assert.equal(
    counters,
    Array.from({ length: 3000 }, (_, index) => index + 1),
  );
});

test('control channel: plaintext when both say insecure, else TLS is needed', async () => {
  const server = await agent({ tls: undefined, insecure: true });
  const client = await dialing(server.channels.port, { tls: undefined, insecure: true });
  await client.until('up server1 agent');
  await server.until('up switch switch');
  assert.throws(() => new Host('x', {}), /TLS keys are missing/);
});

test('control channel: a peer that falls silent is down, and is dialed again', async () => {
  const timing = { pingIntervalMs: 100_000, peerTimeoutMs: 100_000, leaseMs: 1000 };
  const server = await agent({ timing });
  const client = await dialing(server.channels.port);
  await client.until('up server1 agent');
  const upMs = performance.now();
  await client.until(/^notice: lost server1: silent for \d+ ms/);
  const silentMs = performance.now() - upMs;
  assert.ok(silentMs > 150 && silentMs < 1500, `noticed after ${silentMs} ms`);
  await client.until('down server1');
  await client.until('up server1 agent', 2);
});

test('control channel: living peers stay up while nothing is said', async () => {
  const server = await agent();
  const client = await dialing(server.channels.port);
  await client.until('up server1 agent');
  await wait(600);
  assert.not([...client.log, ...server.log].some((line) => line.startsWith('down')));
});

test('control channel: an agent that starts later or again is found', async () => {
  const first = await agent();
  const { port } = first.channels;
  await first.channels.stop();
  const client = await dialing(port);
  await client.until(/can not be reached: .*ECONNREFUSED/);
  const listen = { address: LOCALHOST, port };
  const second = await agent({ listen });
  await client.until('up server1 agent');
  await second.channels.stop();
  await client.until('down server1');
  assert.not(client.channels.send('server1', close));
  await agent({ listen });
  await client.until('up server1 agent', 2);
  const failures = client.log.filter((line) => line.includes('ECONNREFUSED'));
  assert.ok(failures.length <= 2, 'each reason is told once in a row');
});

test('control channel: a switch whose old socket lingers comes again: down, then up', async () => {
  const timing = { pingIntervalMs: 20, peerTimeoutMs: 100_000, leaseMs: 1000 };
  const server = await agent({ timing });
  await dialing(server.channels.port);
  await server.until('up switch switch');
  await dialing(server.channels.port);
  await server.until('up switch switch', 2);
  const seen = server.log.filter((line) => /^(up|down)/.test(line)).slice(0, 3);
  assert.equal(seen, ['up switch switch', 'down switch', 'up switch switch']);
});

test('control channel: the lease runs from when the acknowledged frame was sent', async () => {
  const server = await agent();
  const client = await dialing(server.channels.port);
  assert.is(server.channels.leaseDeadlineMs('switch'), 0, 'nobody is there');
  await client.until('up server1 agent');
  await wait(100);
  const first = server.channels.leaseDeadlineMs('switch');
  const nowMs = performance.now();
  assert.ok(first > nowMs + 700 && first <= nowMs + 1000, `${first - nowMs} ms ahead`);
  await wait(100);
  assert.ok(server.channels.leaseDeadlineMs('switch') > first + 50, 'it moves');
  await client.channels.stop();
  await server.until('down switch');
  assert.is(server.channels.leaseDeadlineMs('switch'), 0);
});

test('control channel: a full queue refuses handoffs and takes other messages', async () => {
  const server = await agent();
  const client = await dialing(server.channels.port, { handoffQueueLimit: 200_000 });
  await client.until('up server1 agent');
  const handoff = examples['handoff'] as Message & { type: 'handoff' };
  const large = { ...handoff, bytes: new Uint8Array(65536) };
  const taken = Array.from({ length: 6 }, () => client.channels.send('server1', large));
  assert.equal(taken, [true, true, true, false, false, false]);
  assert.ok(client.channels.send('server1', close));
  await server.until('close from switch');
  assert.ok(client.channels.send('server1', large), 'there is room again');
});

test('control channel: an address in use is told with the address', async () => {
  const server = await agent();
  const { port } = server.channels;
  const second = new Host('server1', {
    tls: TLS.server1,
    listen: { address: LOCALHOST, port },
  });
  let message = '';
  await second.channels.start().catch((error: Error) => (message = error.message));
  assert.match(message, new RegExp(`can not listen on 127.0.0.1:${port}: .*EADDRINUSE`));
});

test('control channel: messages of the last tick before stop still arrive', async () => {
  const server = await agent();
  const client = await dialing(server.channels.port);
  await client.until('up server1 agent');
  client.channels.send('server1', close);
  await client.channels.stop();
  await server.until('close from switch');
  assert.not(
    client.log.some((line) => line.startsWith('down')),
    'no events after stop',
  );
});

test.run();
