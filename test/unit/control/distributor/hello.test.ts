import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TCP_FIN, TCP_RST } from '../../../../assembly/wire/tcp.ts';
import type { Config, RuleConfig } from '../../../../src/config/config.ts';
import { helloBytes, helloMessage, helloRecords } from '../../../support/hello-model.ts';
import { Client } from '../client.ts';
import { Rig, testConfig } from '../rig.ts';

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

test.run();
