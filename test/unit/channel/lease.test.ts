import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SentFrames, nextNumber } from '../../../src/channel/lease.ts';

const test = suite('lease');

test('lease: the newest acknowledged frame gives its sending time', () => {
  const sent = new SentFrames();
  assert.is(sent.acknowledgedSentMs, undefined);
  for (const ms of [10, 10, 10, 20, 30]) sent.add(ms);
  assert.is(sent.newest, 5);
  assert.ok(sent.acknowledge(0));
  assert.is(sent.acknowledgedSentMs, undefined);
  assert.ok(sent.acknowledge(2));
  assert.is(sent.acknowledgedSentMs, 10);
  assert.ok(sent.acknowledge(4));
  assert.is(sent.acknowledgedSentMs, 20);
  assert.ok(sent.acknowledge(4), 'the same again');
  assert.is(sent.acknowledgedSentMs, 20);
  assert.ok(sent.acknowledge(5));
  assert.is(sent.acknowledgedSentMs, 30);
});

test('lease: a frame that was never sent can not be acknowledged', () => {
  const sent = new SentFrames();
  assert.not(sent.acknowledge(1));
  sent.add(1);
  assert.not(sent.acknowledge(2));
  assert.ok(sent.acknowledge(1));
});

test('lease: frame numbers go round without 0', () => {
  assert.is(nextNumber(0xffffffff), 1);
  assert.is(nextNumber(0), 1);
  assert.is(nextNumber(0x7fffffff), 0x80000000);
});

test.run();
