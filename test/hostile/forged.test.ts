import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/lab/random.ts';
import { stopAll } from '../support/channel-hosts.ts';
import { agentAttack, attackWith, damage, switchAttack } from './forged.ts';
import { fullBothWays, tampered } from './wire.ts';

const test = suite('forged frames');

test('forged frames: a switch applies nothing that another server or a stranger says', async () => {
  const outcome = attackWith(new Random(1), await switchAttack(), 20_000);
  assert.equal(outcome.wrong, []);
  assert.ok(outcome.understood > outcome.frames / 2);
});

test('forged frames: an agent applies nothing that another group or a stranger says', async () => {
  const outcome = attackWith(new Random(2), await agentAttack(), 20_000);
  assert.equal(outcome.wrong, []);
  assert.ok(outcome.understood > outcome.frames / 2);
});

test('forged frames: damaged frames of the peer itself throw nowhere', async () => {
  const outcome = await damage(new Random(3), 10_000);
  assert.equal(outcome.wrong, []);
  assert.ok(outcome.understood > 1000);
});

test('forged frames: the same frames of the rightful peer are seen to be applied', async () => {
  for (const attack of [await switchAttack(), await agentAttack()]) {
    const peers = attack.name === 'agent' ? ['switch'] : ['server1', 'server2'];
    const outcome = attackWith(new Random(4), { ...attack, peers }, 1000);
    assert.is(outcome.wrong.length, 1, attack.name);
  }
});

test('forged frames: what a relay changes on the wire ends the channel, nothing of it arrives', async () => {
  const { changed, wrong } = await tampered(new Random(5), 8);
  assert.equal(wrong, []);
  assert.ok(changed >= 8);
});

test('full channel: both directions at once: everything that was accepted arrives, in order', async () => {
  const outcome = await fullBothWays(3);
  assert.ok(outcome.refused > 0, 'the queues were full');
  assert.equal(outcome.wrong, []);
});

test.after.each(stopAll);
test.run();
