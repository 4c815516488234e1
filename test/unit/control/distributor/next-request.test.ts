import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Client, REQUEST, serverOf } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

const test = suite('next request');
const ACK_DELAY_MS = 40;

/** A client whose first request a server has, of a service that dispatches each one. */
async function following() {
  const base = testConfig(1);
  const services = [{ ...base.services[0]!, requests: 'per-request' as const }];
  const rig = await Rig.make(testConfig(1, { services }));
  const hello = rig.helloOf(1);
  const capabilities = [...hello.capabilities, 'release'];
  rig.feed({ kind: 'channel-up', peer: 'server1', hello: { ...hello, capabilities } });
  rig.message(1, { type: 'resync', entries: [], last: true });
  const client = new Client(rig);
  client.open();
  client.send(REQUEST);
  const handoff = rig.last('handoff');
  rig.message(serverOf(rig, handoff), { type: 'ready', id: handoff.id });
  rig.take();
  return { rig, client };
}

test('next request: an acknowledgment of its first half that was lost is given again', async () => {
  const { rig, client } = await following();
  const start = client.next;
  const half = REQUEST.slice(0, 12);
  client.send(half);
  assert.equal(rig.take(), [], 'not before the client would stall');
  rig.wait(ACK_DELAY_MS);
  const [first] = rig.take();
  assert.is(first!.acknowledgment, client.next);
  client.send(half, { sequence: start });
  const [again] = rig.take();
  assert.is(again!.acknowledgment, client.next);
  assert.is(again!.sequence, first!.sequence);
});

test.run();
