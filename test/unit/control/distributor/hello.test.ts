import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import { TCP_FIN, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { Config, RuleConfig } from '../../../../src/config/config.ts';
import { helloBytes, helloMessage, helloRecords } from '../../../support/hello-model.ts';
import { Client } from '../client.ts';
import { RUN, Rig, testConfig } from '../rig.ts';

const test = suite('hello');

/** A switch with a TLS service; pool `nK` has server K alone. */
export function tlsConfig(servers: number, rules: RuleConfig[], changes: Partial<Config> = {}) {
  const config = testConfig(servers, changes);
  const [service] = config.services;
  service!.protocol = 'tls';
  service!.rules = rules;
  for (const { name } of config.servers) {
    const pool = { ...config.pools[0]!, name: `n${name.slice(-1)}`, servers: [name] };
    config.pools.push(pool);
  }
  return config;
}

async function rigFor(rules: RuleConfig[] = []): Promise<Rig> {
  const rig = await Rig.make(tlsConfig(3, rules));
  for (const server of [1, 2, 3]) rig.up(server);
  return rig;
}

const RULES: RuleConfig[] = [
  { match: { sni: 'shop.example', alpn: 'h2' }, pool: 'n3' },
  { match: { sni: '*.Example' }, pool: 'n2' },
];

/** To which server the ClientHello's connection was given. */
function chosen(rig: Rig, hello: Uint8Array, port: number): string {
  const client = new Client(rig, { port });
  client.open();
  client.send(hello);
  assert.equal(rig.last('handoff').bytes, hello, 'the bytes as they came');
  return rig.messages.at(-1)!.to;
}

test('hello: SNI and ALPN choose the pool, a client without a name gets the default one', async () => {
  const rig = await rigFor(RULES);
  const protocols = ['http/1.1', 'h2'];
  assert.is(chosen(rig, helloBytes({ names: ['SHOP.example'], protocols }), 1), 'server3');
  assert.is(chosen(rig, helloBytes({ names: ['shop.example'] }), 2), 'server2');
  assert.is(chosen(rig, helloBytes({ names: ['a.b.example.'] }), 3), 'server2');
  const others = [4, 5, 6].map((port) => chosen(rig, helloBytes(), port));
  assert.is(new Set(others).size, 3, 'default pool, round robin');
});

test('hello: in segments of one byte, in several records, with data behind it: one handoff', async () => {
  const rig = await rigFor(RULES);
  const records = helloRecords(helloMessage({ names: ['a.example'] }), [1, 2, 30]);
  const client = new Client(rig);
  client.open();
  for (const byte of records) client.send(Uint8Array.of(byte));
  assert.is(rig.count('handoff'), 1);
  assert.equal(rig.last('handoff').bytes, records);
  const early = Uint8Array.of(...helloBytes({ names: ['a.example'] }), 23, 3, 3, 0, 1, 9);
  assert.is(chosen(rig, early, 7), 'server2');
});

test('hello: what is no ClientHello gets an alert and reaches no server, what is no TLS an RST', async () => {
  const rig = await rigFor(RULES);
  const refuse = (bytes: Uint8Array, port: number) => {
    const client = new Client(rig, { port });
    client.open();
    rig.take();
    client.send(bytes);
    const [answer] = rig.take();
    return { flags: answer!.flags, alert: [...answer!.payload] };
  };
  const twoNames = refuse(helloBytes({ names: ['a', 'b'] }), 1);
  assert.equal(twoNames.alert, [21, 3, 3, 0, 2, 2, 112]);
  assert.ok((twoNames.flags & TCP_FIN) !== 0);
  assert.equal(refuse(Uint8Array.of(22, 3, 1, 0, 4, 2), 2).alert, [21, 3, 3, 0, 2, 2, 10]);
  const request = refuse(new TextEncoder().encode('GET / HTTP/1.1\r\n'), 3);
  assert.ok((request.flags & TCP_RST) !== 0);
  assert.is(rig.count('handoff'), 0);
  assert.equal(rig.plane.stats().refused, { 'alert 112': 1, 'alert 10': 1 });
  assert.equal(rig.plane.stats().resets, { 'not tls': 1 });
});

test('hello: without a server the client is told by an alert', async () => {
  const rig = await rigFor();
  for (const server of [1, 2, 3]) rig.down(server);
  const client = new Client(rig);
  client.open();
  rig.take();
  client.send(helloBytes());
  assert.equal([...rig.take()[0]!.payload], [21, 3, 3, 0, 2, 2, 80]);
});

/** The rig's hash of a session id or ticket, as an agent tells it. */
function tell(rig: Rig, server: number, session: Uint8Array): void {
  rig.connections.writeBuffer(session);
  const key = rig.core.hashTarget(L.CONTROL_BUFFER, session.length);
  rig.message(server, { type: 'session', id: { run: RUN, counter: 1 }, key });
}

const TICKET = new Uint8Array(100).fill(3);
const SESSION = new Uint8Array(32).fill(4);

function visits(rig: Rig, hello: Uint8Array, first: number, count = 4): string[] {
  return Array.from({ length: count }, (_, turn) => chosen(rig, hello, first + turn));
}

test('hello: by session id or ticket to the server that told it, others go round', async () => {
  const rig = await rigFor();
  tell(rig, 3, TICKET);
  tell(rig, 2, SESSION);
  assert.equal(visits(rig, helloBytes({ ticket: TICKET }), 1), Array(4).fill('server3'));
  assert.is(rig.last('handoff').sessions, true);
  assert.equal(visits(rig, helloBytes({ session: SESSION }), 10), Array(4).fill('server2'));
  const both = helloBytes({ session: SESSION, ticket: TICKET });
  assert.is(chosen(rig, both, 20), 'server3', 'the ticket is the surer one');
  const unknown = helloBytes({ session: new Uint8Array(32).fill(1), ticket: new Uint8Array(9) });
  assert.is(new Set(visits(rig, unknown, 30)).size, 3);
  assert.is(rig.plane.stats().known, 9);
  assert.is(rig.plane.stats().sessions, 2);
});

test('hello: a session of a server that is down, or not of the pool, is no reason', async () => {
  const rig = await rigFor([{ match: { sni: 'two' }, pool: 'n2' }]);
  tell(rig, 3, TICKET);
  assert.is(chosen(rig, helloBytes({ names: ['two'], ticket: TICKET }), 1), 'server2');
  rig.down(3);
  assert.equal(
    new Set(visits(rig, helloBytes({ ticket: TICKET }), 2)),
    new Set(['server1', 'server2']),
  );
  rig.up(3);
  assert.is(chosen(rig, helloBytes({ ticket: TICKET }), 9), 'server3');
});

test('hello: a client of TLS 1.3 is known by its address and the name it asks for', async () => {
  const rig = await rigFor();
  const hello = (name: string) => helloBytes({ names: [name], versions: [0x304, 0x303] });
  const [own] = visits(rig, hello('a'), 1);
  assert.equal(visits(rig, hello('a'), 10), Array(4).fill(own));
  const others = ['b', 'c', 'd', 'e'].map((name, turn) => chosen(rig, hello(name), 20 + turn));
  assert.is(new Set(others).size, 3, 'another name is another client: round robin');
  for (const server of [1, 2, 3]) if (`server${server}` === own) rig.down(server);
  const [next] = visits(rig, hello('a'), 30, 1);
  assert.is.not(next, own);
  assert.equal(visits(rig, hello('a'), 40), Array(4).fill(next), 'the new one is remembered');
  const old = helloBytes({ names: ['a'], versions: [0x303] });
  assert.is(new Set(visits(rig, old, 50)).size, 2, 'TLS 1.2 has sessions instead');
});

test('hello: with affinity none nobody is brought back and agents are not asked', async () => {
  const config = tlsConfig(3, []);
  config.services[0]!.affinity = 'none';
  const rig = await Rig.make(config);
  for (const server of [1, 2, 3]) rig.up(server);
  tell(rig, 1, TICKET);
  const hello = helloBytes({ ticket: TICKET, versions: [0x304], names: ['a'] });
  assert.is(new Set(visits(rig, hello, 1, 3)).size, 3);
  assert.is(rig.last('handoff').sessions, false);
});

test.run();
