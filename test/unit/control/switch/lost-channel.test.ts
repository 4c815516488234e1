import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import { handed } from '../client.ts';
import { rigUp, type Rig } from '../rig.ts';

const test = suite('a channel breaks in a handoff');

/** The agent is back, with that memory. */
function back(rig: Rig, server: number, line: string): void {
  const hello = rig.helloOf(server, line);
  rig.feed({ kind: 'channel-up', peer: `server${server}`, hello });
}

/** A switch whose agents have said which memory they have. */
async function rememberedRig(): Promise<Rig> {
  const rig = await rigUp();
  for (const server of [1, 2]) {
    rig.down(server);
    back(rig, server, 'line:1');
    rig.message(server, { type: 'resync', entries: [], last: true });
  }
  rig.messages = [];
  return rig;
}

test('lost channel: the agent stays away: maybe, and a close when it is back', async () => {
  const rig = await rigUp();
  const { client, handoff, server } = handed(rig);
  rig.down(server);
  rig.wait(3900);
  assert.equal(rig.take(), [], 'the agent may still tell what became of it');
  rig.wait(1000);
  assert.is(rig.take().at(-1)!.flags, TCP_RST | TCP_ACK);
  assert.is(client.state(), L.STATE_HELD);
  rig.wait(5000);
  assert.is(rig.count('close'), 0);
  rig.messages = [];
  back(rig, server, 'line:1');
  assert.equal(rig.last('close').id, handoff.id);
});

test('lost channel: the agent is back and does not know the handoff: given anew', async () => {
  const rig = await rememberedRig();
  const { handoff, server } = handed(rig);
  rig.down(server);
  rig.wait(1000);
  rig.messages = [];
  back(rig, server, 'line:1');
  rig.message(server, { type: 'resync', entries: [], last: true });
  const again = rig.last('handoff');
  assert.is.not(again.id.counter, handoff.id.counter);
  assert.equal(again.bytes, handoff.bytes);
});

test('lost channel: the agent is back and lists the handoff: its answer counts', async () => {
  const rig = await rememberedRig();
  const { client, handoff, server } = handed(rig);
  rig.down(server);
  rig.wait(1000);
  back(rig, server, 'line:1');
  const { id, tuple, clientIsn } = handoff;
  rig.message(server, { type: 'resync', entries: [{ id, tuple, clientIsn }], last: true });
  rig.message(server, { type: 'ready', id });
  assert.is(client.state(), L.STATE_FORWARD);
});

test('lost channel: the agent is back with another memory: the request may have run', async () => {
  const rig = await rememberedRig();
  const { server } = handed(rig);
  rig.down(server);
  rig.wait(1000);
  back(rig, server, 'line:2');
  assert.is(rig.take().at(-1)!.flags, TCP_RST | TCP_ACK);
});

test.run();
