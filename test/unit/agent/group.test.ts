// What an agent answers the switches of a group, what it reserves, and whose handoffs it takes.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Found } from '../../../src/channel/group-messages.ts';
import { IN_GROUP } from '../../../src/channel/messages.ts';
import type { Handoff, Message } from '../../../src/channel/messages.ts';
import { AgentRig, ID, TUPLE, switchHello } from '../../support/agent-rig.ts';
import type { RigOptions } from '../../support/agent-rig.ts';
import { makeHandoff } from '../../support/server-kernel.ts';

const test = suite('agent, group');
const FIRST = 'switch';
const SECOND = 'switch2';
const ISN = makeHandoff().clientIsn;

/** Two switches of one group are there. */
async function groupRig(options: RigOptions = {}): Promise<AgentRig> {
  const rig = await AgentRig.make(options);
  for (const name of [FIRST, SECOND]) {
    rig.up(switchHello({ name, capabilities: [IN_GROUP] }), name);
    rig.message({ type: 'resync', entries: [], last: true }, name);
  }
  rig.takeMessages();
  return rig;
}

/** The agent's answer to one question of that switch. */
function ask(rig: AgentRig, from: string, clientIsn: number | null = ISN): Found {
  rig.message({ type: 'query', asked: [{ tuple: TUPLE, clientIsn }] }, from);
  const answer = rig.messages.map(({ message }) => message).find(({ type }) => type === 'answer');
  rig.messages = [];
  return (answer as Message & { type: 'answer' }).found[0]!;
}

/** What comes of a handoff by that switch: `ready`, or the reason why not. */
function give(rig: AgentRig, from: string, changes: Partial<Handoff> = {}): string {
  const run = from === FIRST ? ID.run : 8;
  const handoff = makeHandoff({ id: { run, counter: 1 }, ...changes });
  rig.message(handoff, from).settle();
  const outcome = rig.takeMessages().find(({ type }) => type === 'ready' || type === 'failed')!;
  return outcome.type === 'failed' ? outcome.reason : outcome.type;
}

test('group: what is unknown is reserved for three seconds for who asked', async () => {
  const rig = await groupRig();
  assert.is(ask(rig, FIRST).verdict, 'unknown');
  assert.is(ask(rig, FIRST).verdict, 'unknown', 'its own it may ask for again');
  assert.is(ask(rig, SECOND).verdict, 'taken');
  assert.is(ask(rig, SECOND, ISN + 1).verdict, 'unknown', 'another handshake of the same ports');
  assert.match(give(rig, SECOND), /reserved for another switch/);
  rig.pass(3001);
  assert.is(ask(rig, SECOND).verdict, 'unknown');
});

test('group: of two that ask the one with the smaller name wins', async () => {
  const rig = await groupRig();
  assert.is(ask(rig, SECOND).verdict, 'unknown');
  assert.is(ask(rig, FIRST).verdict, 'unknown');
  assert.match(give(rig, SECOND, { reserved: true }), /reserved for another switch/);
  assert.is(give(rig, FIRST, { reserved: true }), 'ready');
});

test('group: a handoff that needs a reservation is taken for two seconds', async () => {
  const rig = await groupRig();
  assert.match(give(rig, FIRST, { reserved: true }), /no longer reserved/);
  ask(rig, FIRST);
  rig.pass(2000);
  assert.match(give(rig, FIRST, { reserved: true }), /no longer reserved/);
  ask(rig, FIRST);
  rig.pass(1900);
  assert.is(give(rig, FIRST, { reserved: true }), 'ready');
});

test('group: a question about a packet in mid-connection reserves nothing', async () => {
  const rig = await groupRig();
  assert.is(ask(rig, FIRST, null).verdict, 'unknown');
  assert.is(ask(rig, SECOND).verdict, 'unknown');
});

test('group: what another one has given is mine, and its end is told to who asked', async () => {
  const rig = await groupRig();
  assert.is(give(rig, FIRST), 'ready');
  const found = ask(rig, SECOND, null);
  assert.equal([found.verdict, found.id, found.clientIsn], ['mine', ID, ISN]);
  assert.match(give(rig, SECOND), /another switch has given it/);
  rig.message({ type: 'close', id: ID, tuple: TUPLE }, SECOND);
  assert.is(rig.agent.stats().open, 1, "only its giver's close ends it");
  rig.message({ type: 'close', id: ID, tuple: TUPLE }, FIRST).settle();
  const told = rig.messages.filter(({ to, message }) => to === SECOND && message.type === 'close');
  assert.is(told.length, 1);
});

test('group: of an older handshake than what is here nobody gets anything', async () => {
  const rig = await groupRig();
  assert.is(give(rig, FIRST), 'ready');
  assert.is(ask(rig, SECOND, ISN - 1).verdict, 'taken');
  assert.is(ask(rig, SECOND, ISN + 1).verdict, 'unknown', 'a younger one may replace it');
});

test('group: a replay that is under way is taken', async () => {
  const rig = await groupRig();
  rig.message(makeHandoff(), FIRST);
  assert.is(ask(rig, SECOND, null).verdict, 'taken');
  assert.is(ask(rig, SECOND).verdict, 'taken');
});

test('group: a handoff that is read when the lease is over is refused', async () => {
  let leaseMs = 0;
  const rig = await groupRig({ leaseDeadlineMs: () => leaseMs });
  rig.pass(5000);
  leaseMs = rig.nowMs - 1;
  assert.match(give(rig, FIRST), /read too late/);
  assert.is(rig.server.listener.requests.size, 0);
  leaseMs = rig.nowMs;
  assert.is(give(rig, FIRST, { id: { run: ID.run, counter: 2 } }), 'ready');
});

test.run();
