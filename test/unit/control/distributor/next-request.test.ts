import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { REQUEST } from '../client.ts';
import { followed, readyRig } from '../followed.ts';

const test = suite('next request');
const ACK_DELAY_MS = 40;

async function following() {
  const rig = await readyRig(1);
  return { rig, ...followed(rig) };
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
