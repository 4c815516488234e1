// A switch in front of distributors: least loaded host, update, close, lists, floods.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_ACK, TCP_SYN } from '../../../../assembly/wire/tcp.ts';
import type { Tuple, Update } from '../../../../src/channel/messages.ts';
import type { Config } from '../../../../src/config/config.ts';
import { Client } from '../client.ts';
import { CLIENT, Rig, VIP, testConfig } from '../rig.ts';

const test = suite('switch in front');

/** `hosts` can be reached; new connections go to 10.81.N.129 there. */
async function frontRig(hosts = 3, connections = 256): Promise<Rig> {
  const base = testConfig(hosts);
  const rig = await Rig.make(
    testConfig(hosts, {
      inFront: true,
      switch: { ...base.switch!, connections },
      services: [
        {
          name: 'web',
          vip: [VIP],
          port: 80,
          protocol: 'tcp',
          on: 'syn',
          pool: 'default',
          rules: [],
        },
      ] as Config['services'],
    }),
  );
  for (let host = 1; host <= hosts; host += 1) join(rig, host);
  return rig;
}

function join(rig: Rig, host: number, run = 5): void {
  rig.feed({ kind: 'channel-up', peer: `server${host}`, hello: { ...rig.helloOf(host), run } });
  rig.message(host, {
    ...rig.helloOf(host),
    roles: ['distributor'],
    bindings: [{ vip: VIP, port: 80, handoff: Uint8Array.of(10, 81, host, 129), handoffPort: 80 }],
  });
  rig.message(host, { type: 'resync', entries: [], last: true });
}

/** The addresses that packets left to since the last call. */
const went = (rig: Rig): string[] => rig.take().map(({ destination }) => destination.join('.'));

function tupleOf(client: Client): Tuple {
  return { client: CLIENT, clientPort: client.port, vip: VIP, vipPort: 80 };
}

function updateOf(client: Client, to: number, id = { run: 9, counter: client.port }): Update {
  const handoff = Uint8Array.of(10, 81, to, 1);
  const where = { handoff, handoffPort: 80, server: `server${to}` };
  return { type: 'update', id, tuple: tupleOf(client), clientIsn: client.isn, ...where };
}

const active = (rig: Rig): number[] => rig.plane.stats().servers.map((server) => server.active);

/** A client whose SYN went to a distributor, which has answered it. */
function begun(rig: Rig, port: number, isn = 1000): Client {
  const client = new Client(rig, { port, isn });
  client.open(false);
  const entry = client.entry();
  client.switchIsn = rig.connections.record32(entry, L.RECORD_SWITCH_ISN);
  return client;
}

test('in front: each SYN goes to the host with the fewest connections, its others follow it', async () => {
  const rig = await frontRig();
  const clients = [1, 2, 3, 4, 5, 6].map((port) => {
    const client = new Client(rig, { port: 40_000 + port });
    rig.deliver(client.packet({ flags: TCP_SYN, sequence: client.isn, acknowledgment: 0 }));
    return client;
  });
  const first = went(rig);
  const twice = [1, 1, 2, 2, 3, 3].map((host) => `10.81.${host}.129`);
  assert.equal(first.toSorted(), twice);
  assert.equal(active(rig), [2, 2, 2]);
  for (const client of clients) {
    rig.deliver(client.packet({ flags: TCP_SYN, sequence: client.isn, acknowledgment: 0 }));
  }
  assert.equal(went(rig), first, 'a repeated SYN goes the same way');
  assert.equal(active(rig), [2, 2, 2]);
});

test('in front: after an update packets go to the other host, which counts the connection', async () => {
  const rig = await frontRig();
  const client = begun(rig, 40_001);
  client.flag(TCP_ACK);
  assert.equal(went(rig), ['10.81.1.129']);
  assert.is(client.state(), L.STATE_FORWARD);
  rig.message(1, updateOf(client, 3));
  const confirm = rig.last('confirm');
  assert.equal([confirm.of, confirm.ids], ['update', [{ run: 9, counter: 40_001 }]]);
  assert.equal(active(rig), [0, 0, 1]);
  client.send('GET');
  assert.equal(went(rig), ['10.81.3.1']);
  rig.message(1, updateOf(client, 3));
  assert.equal(active(rig), [0, 0, 1], 'twice is as once');
});

test('in front: a close ends what tuple and ISN name, an older or late one changes nothing', async () => {
  const rig = await frontRig();
  const client = begun(rig, 40_001, 5000);
  client.flag(TCP_ACK);
  const close = { type: 'close', id: { run: 9, counter: 1 }, tuple: tupleOf(client) } as const;
  rig.message(2, { ...close, clientIsn: 4000 });
  assert.is(client.state(), L.STATE_FORWARD);
  assert.is(rig.last('confirm').of, 'close');
  rig.message(1, { ...close, clientIsn: 5000 });
  assert.is(client.state(), L.STATE_CLOSED);
  assert.equal(active(rig), [0, 0, 0]);
  rig.message(1, updateOf(client, 2));
  assert.is(client.state(), L.STATE_CLOSED, 'an update that comes late does not open it again');
  assert.equal(active(rig), [0, 0, 0]);
  rig.take();
  client.flag(TCP_ACK);
  assert.equal(went(rig), ['10.81.2.1'], 'what is late goes where the connection was');
  rig.wait(70_000);
  assert.is(client.entry(), L.NO_ENTRY);
});

test('in front: an update without an entry makes one', async () => {
  const rig = await frontRig();
  const client = new Client(rig, { port: 40_001 });
  rig.message(1, updateOf(client, 2));
  client.send('GET');
  assert.equal(went(rig), ['10.81.2.1']);
  assert.equal(active(rig), [0, 1, 0]);
});

test('in front: the list of an agent brings back what the switch has forgotten', async () => {
  const rig = await frontRig();
  const client = new Client(rig, { port: 40_001 });
  rig.down(2);
  rig.feed({ kind: 'channel-up', peer: 'server2', hello: rig.helloOf(2) });
  const id = { run: 9, counter: 1 };
  const entries = [{ id, tuple: tupleOf(client), clientIsn: client.isn }];
  rig.message(2, { type: 'resync', entries, last: true });
  client.send('GET');
  assert.equal(went(rig), ['10.81.2.1']);
});

test('in front: what a host had is over when its program was started anew and does not list it', async () => {
  const rig = await frontRig();
  const client = begun(rig, 40_001);
  client.flag(TCP_ACK);
  rig.down(1);
  join(rig, 1, 5);
  assert.is(client.state(), L.STATE_FORWARD, 'the same run: a close would have come');
  rig.down(1);
  join(rig, 1, 6);
  assert.is(client.state(), L.STATE_CLOSED);
  assert.equal(active(rig), [0, 0, 0]);
});

test('in front: no new connection goes to a host that cannot be reached', async () => {
  const rig = await frontRig();
  rig.down(1);
  for (const port of [1, 2, 3, 4]) begun(rig, 40_000 + port);
  assert.equal(active(rig), [0, 2, 2]);
});

test('in front: a flood of SYNs fills a bounded part of the table, who answers gets through', async () => {
  const rig = await frontRig(3, 64);
  for (let port = 1; port <= 200; port += 1) {
    const client = new Client(rig, { port });
    rig.deliver(client.packet({ flags: TCP_SYN, sequence: client.isn, acknowledgment: 0 }));
  }
  const limit = rig.core.view.getUint32(L.HEADER_UNPROVEN_LIMIT, true);
  assert.ok(rig.core.view.getUint32(L.HEADER_UNPROVEN_COUNT, true) <= limit);
  rig.take();
  const client = new Client(rig, { port: 40_001 });
  client.open();
  assert.match(went(rig).join(), /^10\.81\.\d\.129$/);
  assert.is(client.state(), L.STATE_FORWARD);
  rig.wait(6000);
  assert.is(rig.core.view.getUint32(L.HEADER_UNPROVEN_COUNT, true), 0);
  assert.equal(
    active(rig).reduce((sum, each) => sum + each, 0),
    1,
  );
});

test.run();
