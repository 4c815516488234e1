// A switch of a group: what another one passes, whose packets they are.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK } from '../../../../assembly/wire/tcp.ts';
import type { Handoff } from '../../../../src/channel/messages.ts';
import type { Config } from '../../../../src/config/config.ts';
import { Owners } from '../../../../src/control/switch/owners.ts';
import { Client, REQUEST } from '../client.ts';
import { CLIENT, Rig, testConfig, VIP } from '../rig.ts';

const test = suite('switch, group');
const PEER = 'switch2';

async function groupRig(services?: Config['services']): Promise<Rig> {
  const address = Uint8Array.of(10, 80, 2, 3);
  const rig = await Rig.make(
    testConfig(1, {
      peers: [{ name: PEER, control: { address, port: 7081 } }],
      ...(services && { services }),
    }),
  );
  rig.up(1);
  const hello = { ...rig.helloOf(1), name: PEER, roles: ['switch' as const], bindings: [] };
  rig.feed({ kind: 'channel-up', peer: PEER, hello });
  // nobody has to be asked
  rig.wait(11_000);
  rig.messages = [];
  return rig;
}

/**
 * `older` is with the server; `younger`, on the same ports, has had its SYN-ACK from the other switch,
 * which has the same keys.
 */
async function bothBegun(): Promise<{
  rig: Rig;
  older: Client;
  younger: Client;
  handoff: Handoff;
}> {
  const rig = await groupRig();
  const port = ownPort();
  const older = new Client(rig, { port, isn: 1000 });
  const younger = new Client(rig, { port, isn: 900_000 });
  older.open(false);
  younger.open(false);
  older.send(REQUEST);
  const handoff = rig.last('handoff');
  rig.message(1, { type: 'ready', id: handoff.id });
  assert.is(older.state(), L.STATE_FORWARD);
  rig.messages = [];
  rig.take();
  return { rig, older, younger, handoff };
}

/** A port whose tuple is this switch's. */
function ownPort(): number {
  const owners = new Owners('switch', [PEER]);
  owners.changed(PEER, true, 0);
  const tuple = { client: CLIENT, vip: VIP, vipPort: 80 };
  for (let clientPort = 40_000; ; clientPort += 1) {
    if (owners.ownerOf({ ...tuple, clientPort }) === null) return clientPort;
  }
}

function pass(rig: Rig, packet: Uint8Array): void {
  const message = { type: 'pass', packet, vnet: new Uint8Array(10) } as const;
  rig.feed({ kind: 'message', from: PEER, message });
}

const bytes = new TextEncoder().encode(REQUEST);

for (const isClosed of [false, true]) {
  const what = isClosed ? 'closed' : 'open';
  test(`group: a younger handshake that is passed ends the ${what} connection of its ports`, async () => {
    const { rig, younger, handoff } = await bothBegun();
    const { id, tuple } = handoff;
    if (isClosed) rig.message(1, { type: 'close', id, tuple });
    pass(rig, younger.packet({ flags: TCP_ACK, payload: bytes }));
    assert.is(rig.last('handoff').clientIsn, younger.isn);
    assert.equal(rig.take(), [], 'nothing goes into the connection before');
    assert.is(rig.count('answer'), 0, 'nobody is told to take that one in');
    if (isClosed) assert.is(rig.count('close'), 0, 'the server knows');
    else assert.equal(rig.last('close').id, id);
    assert.is(rig.plane.stats().servers[0]!.active, 1);
  });
}

test('group: a bare acknowledgment of a younger handshake frees the ports', async () => {
  const { rig, older, younger } = await bothBegun();
  pass(rig, younger.packet({ flags: TCP_ACK }));
  assert.is(older.state(), L.STATE_FREE);
  assert.is(rig.plane.stats().servers[0]!.active, 0);
});

test('group: what is passed without such a proof goes to the server', async () => {
  const { rig, older, younger } = await bothBegun();
  const forged = (younger.switchIsn ^ 0x5a5a) >>> 0;
  pass(rig, older.packet({ flags: TCP_ACK }));
  pass(rig, older.packet({ flags: TCP_ACK, sequence: older.isn + 1, payload: bytes }));
  pass(rig, younger.packet({ flags: TCP_ACK, acknowledgment: forged }));
  assert.is(older.state(), L.STATE_FORWARD);
  assert.is(rig.take().length, 3);
  assert.is(rig.count('close'), 0);
  assert.is(rig.count('answer'), 3, 'the other switch is told whose it is');
});

function asks(rig: Rig, { tuple }: Handoff, clientIsn: number | null): string {
  rig.feed({
    kind: 'message',
    from: PEER,
    message: { type: 'query', asked: [{ tuple, clientIsn }] },
  });
  return rig.last('answer').found[0]!.verdict;
}

for (const isClosed of [false, true]) {
  const what = isClosed ? 'closed' : 'open';
  test(`group: who asks for a younger handshake ends the ${what} connection of its ports`, async () => {
    const { rig, older, younger, handoff } = await bothBegun();
    const { id, tuple } = handoff;
    if (isClosed) rig.message(1, { type: 'close', id, tuple });
    assert.is(asks(rig, handoff, younger.isn), 'unknown');
    assert.is(older.state(), L.STATE_FREE, 'packets of the younger one do not go to that server');
    assert.is(rig.count('close', 1), isClosed ? 0 : 1);
    assert.is(rig.plane.stats().servers[0]!.active, 0);
  });
}

test('group: a question about the same or an older handshake, or about a packet, ends nothing', async () => {
  const { rig, older, handoff } = await bothBegun();
  assert.is(asks(rig, handoff, older.isn), 'mine');
  assert.is(asks(rig, handoff, older.isn - 1), 'taken');
  assert.is(asks(rig, handoff, null), 'mine');
  assert.is(older.state(), L.STATE_FORWARD);
});

test('group: an older handshake ends nothing', async () => {
  const { rig, older, younger } = await bothBegun();
  pass(rig, younger.packet({ flags: TCP_ACK, payload: bytes }));
  const { id } = rig.last('handoff');
  rig.message(1, { type: 'ready', id });
  rig.messages = [];
  pass(rig, older.packet({ flags: TCP_ACK, sequence: older.isn + 1, payload: bytes }));
  assert.is(younger.state(), L.STATE_FORWARD);
  assert.is(rig.count('handoff') + rig.count('close'), 0);
});

test('group: where nothing is read, a passed acknowledgment is handed over by the owner', async () => {
  const [service] = testConfig(1).services;
  const rig = await groupRig([{ ...service!, protocol: 'tcp', on: 'ack' }]);
  const client = new Client(rig, { port: ownPort() });
  client.open(false);
  pass(rig, client.packet({ flags: TCP_ACK }));
  const { clientIsn, bySyn = false, bytes: given } = rig.last('handoff');
  assert.equal([clientIsn, bySyn, given.length], [client.isn, false, 0]);
});

test.run();
