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

test('loopback: a message arrives as a copy', () => {
  for (const message of Object.values(examples)) {
    const [copy] = recode(message);
    assert.equal(copy, message);
    assert.is.not(copy, message);
  }
});

test('loopback: the same order of hello, messages and down as over TCP', () => {
  const log: string[] = [];
  const events = (own: string, answering: boolean): ChannelEvents => ({
    up: (peer, { roles }) => {
      log.push(`${own}: up ${peer} ${roles.join()}`);
      if (answering) loopback.listener.send(answer);
    },
    down: (peer) => void log.push(`${own}: down ${peer}`),
    message: (peer, message) => void log.push(`${own}: ${message.type} from ${peer}`),
  });
  const loopback = new Loopback(
    { name: 'switch', on: events('switch', false) },
    { name: 'server1', on: events('server1', true) },
  );
  assert.not(loopback.dialer.send(close));
  assert.is(loopback.dialer.leaseDeadlineMs(), 0);
  loopback.open(hello);
  assert.is(loopback.listener.leaseDeadlineMs(), Infinity);
  assert.ok(loopback.dialer.send(close));
  assert.ok(loopback.listener.send(close));
  loopback.close();
  assert.not(loopback.listener.send(close));
  loopback.close();
  assert.equal(log, [
    'server1: up switch switch',
    'switch: up server1 agent',
    'server1: close from switch',
    'switch: close from server1',
    'switch: down server1',
    'server1: down switch',
  ]);
});

test.run();
