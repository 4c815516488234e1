import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ChannelEvents } from '../../../src/channel/control-channel.ts';
import { Loopback, recode } from '../../../src/channel/loopback.ts';
import type { Hello, Message } from '../../../src/channel/messages.ts';
import { examples } from '../../support/messages.ts';

const test = suite('loopback');
const close = examples['close'] as Message;
const hello = examples['hello'] as Hello;
const answer = examples['hello-answer'] as Hello;
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('loopback: a message arrives as a copy', () => {
  for (const message of Object.values(examples)) {
    const [copy] = recode(message);
    assert.equal(copy, message);
    assert.is.not(copy, message);
  }
});

function logged(log: string[], own: string, up?: () => void): ChannelEvents {
  return {
    up: (peer, { roles }) => {
      log.push(`${own}: up ${peer} ${roles.join()}`);
      up?.();
    },
    down: (peer) => void log.push(`${own}: down ${peer}`),
    message: (peer, message) => void log.push(`${own}: ${message.type} from ${peer}`),
  };
}

test('loopback: the same order of hello, messages and down as over TCP', async () => {
  const log: string[] = [];
  const loopback = new Loopback('switch', 'server1', () => 5);
  loopback.dialer.on = logged(log, 'switch');
  loopback.listener.on = logged(log, 'server1', () => loopback.listener.send(answer));
  assert.not(loopback.dialer.send(close));
  assert.is(loopback.dialer.leaseDeadlineMs(), 0);
  loopback.open(hello);
  await soon();
  assert.is(loopback.listener.leaseDeadlineMs(), Infinity);
  assert.ok(loopback.dialer.send(close));
  assert.ok(loopback.listener.send(close));
  await soon();
  loopback.close();
  assert.not(loopback.listener.send(close));
  loopback.close();
  await soon();
  assert.equal(log, [
    'server1: up switch switch',
    'switch: up server1 agent',
    'server1: close from switch',
    'switch: close from server1',
    'switch: down server1',
    'server1: down switch',
  ]);
});

test('loopback: what a message causes comes after the messages that were sent with it', async () => {
  const log: string[] = [];
  const loopback = new Loopback('switch', 'server1', () => 5);
  loopback.dialer.on = logged(log, 'switch');
  const events = logged(log, 'server1', () => loopback.listener.send(answer));
  const onMessage = (peer: string, message: Message): void => {
    events.message(peer, message);
    loopback.listener.send({ type: 'load', openConnections: 1 });
  };
  loopback.listener.on = { ...events, message: onMessage };
  loopback.open(hello);
  await soon();
  log.length = 0;
  loopback.dialer.send(close);
  loopback.dialer.send(close);
  assert.equal(log, []);
  await soon();
  assert.equal(log, [
    'server1: close from switch',
    'server1: close from switch',
    'switch: load from server1',
    'switch: load from server1',
  ]);
  assert.equal(loopback.dialer.peer(), {
    name: 'server1',
    up: true,
    dialed: true,
    upForMs: 0,
    queuedBytes: 0,
    framesSent: 2,
    framesReceived: 3,
  });
});

test.run();
