// What a dispatcher on another host is told of a distributor's servers.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FOLLOWS_ROSTER } from '../../../../src/channel/dispatch-messages.ts';
import type { Dispatch } from '../../../../src/channel/dispatch-messages.ts';
import type { Hello, Message } from '../../../../src/channel/messages.ts';
import { Dispatcher } from '../../../../src/control/dispatcher/dispatcher.ts';
import { DispatcherPlane } from '../../../../src/control/dispatcher/dispatcher-plane.ts';
import { RemoteDispatchers } from '../../../../src/control/distributor/remote-dispatchers.ts';
import { testConfig } from '../rig.ts';

const test = suite('roster');

test('roster: a server that the dispatcher does not know is told, with its weight', () => {
  const config = testConfig(2);
  const plane = new DispatcherPlane({ config, run: 1, random: () => 0.5 });
  const active = () => plane.stats().servers.map((server) => server.active);
  const nothing = { group: '', capabilities: [], services: [], bindings: [] };
  const hello: Hello = { type: 'hello', version: 1, name: 'other', roles: [], run: 1, ...nothing };
  plane.receive({ kind: 'channel-up', peer: 'other', hello }, 0);
  const standings = [{ weight: 1, sinceMs: 0, slowStartMs: 0 }];
  const roster: Message = {
    type: 'roster',
    pools: ['default'],
    servers: [{ name: 'server3', active: 2 }],
    details: { standings, members: [[0]] },
  };
  plane.receive({ kind: 'message', from: 'other', message: roster }, 0);
  assert.equal(active(), [0, 0, 2]);
  const requests = new Uint8Array(12);
  requests.fill(0xff, 8, 10);
  const sets = Uint8Array.of(1);
  const asked = { type: 'dispatch', number: 1, requests, counts: new Uint8Array(0) } as const;
  const message: Dispatch = { ...asked, sets, setSize: 1 };
  const { messages } = plane.receive({ kind: 'message', from: 'other', message }, 0);
  assert.equal(messages[0]!.message, {
    type: 'dispatched',
    number: 1,
    servers: Uint8Array.of(0, 0),
  });
  assert.equal(active(), [0, 0, 3]);
});

test('roster: a server that comes up is told with what it has of its weight', () => {
  const { servers, pools } = testConfig(2);
  const local = new Dispatcher(servers, pools, () => 0.5);
  const remote = new RemoteDispatchers(['dispatcher'], local);
  const sent: Message[] = [];
  const send = (_to: string, message: Message) => void sent.push(message);
  remote.channelUp('dispatcher', { capabilities: [FOLLOWS_ROSTER] });
  remote.send(0, send);
  local.startSlowly(0, 1000, 0);
  remote.send(250, send);
  remote.send(2000, send);
  const rosters = sent.map((message) => (message.type === 'roster' ? message.details : null));
  const whole = { weight: 1, sinceMs: 0, slowStartMs: 0 };
  const starting = { weight: 1, sinceMs: 250, slowStartMs: 1000 };
  const members = [[0, 1]];
  assert.equal(rosters, [
    { standings: [whole, whole], members },
    { standings: [starting, whole], members },
  ]);
});

test('roster: a dispatcher that does not follow details is not told them', () => {
  const { servers, pools } = testConfig(1);
  const remote = new RemoteDispatchers(['dispatcher'], new Dispatcher(servers, pools, () => 0.5));
  const sent: Message[] = [];
  remote.channelUp('dispatcher', { capabilities: [] });
  remote.send(0, (_to, message) => void sent.push(message));
  const known = [{ name: 'server1', active: 0 }];
  assert.equal(sent, [{ type: 'roster', pools: ['default'], servers: known }]);
});

test.run();
