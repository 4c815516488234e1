import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame } from '../../../src/channel/codec.ts';
import type { Message } from '../../../src/channel/messages.ts';
import {
  TLS,
  agent,
  authority,
  dialing,
  helloOf,
  stopAll,
  stranger,
} from '../../support/channel-hosts.ts';
import { examples } from '../../support/messages.ts';

const test = suite('refusals');
const close = examples['close'] as Message & { type: 'close' };

test.after.each(stopAll);

function checkServerIdentity(): undefined {
  return undefined;
}

test('control channel: a peer of another CA is refused on either side', async () => {
  const server = await agent();
  const client = await dialing(server.channels.port, { tls: TLS.mallory });
  await server.until(/^notice: refused 127.0.0.1: its certificate is not accepted: UNABLE_TO_/);
  await client.until(/^notice: server1 at 127.0.0.1:\d+ can not be reached: /);
  const careful = await dialing(server.channels.port, {
    tls: { ...TLS.switch, ca: stranger.cert },
  });
  await careful.until(/can not be reached: (self.signed|unable to)/);
  const all = [...server.log, ...client.log, ...careful.log];
  const none = all.filter((line) => line.startsWith('up'));
  assert.equal(none, []);
});

test('control channel: a peer without certificate or without TLS is refused', async () => {
  const server = await agent();
  const plain = await dialing(server.channels.port, { tls: undefined, insecure: true });
  await server.until(/^notice: refused/);
  await plain.until(/^notice: .*can not be reached/);
  assert.not(server.log.some((line) => line.startsWith('up')));
});

test('control channel: TLS without certificate, or older than 1.3, is refused', async () => {
  const server = await agent();
  const wrong: [ConnectionOptions, RegExp][] = [
    [{ ca: authority.cert }, /certificate is not accepted/],
    [{ ...TLS.switch, maxVersion: 'TLSv1.2' }, /refused .*(protocol|version|hang up|reset)/i],
  ];
  for (const [options, reason] of wrong) {
    const place = { host: '127.0.0.1', port: server.channels.port };
    const socket = connectTls({ ...place, ...options, checkServerIdentity });
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {}).resume();
    socket.once('secureConnect', () => {
      socket.write(encodeFrame(helloOf('switch', 'switch'), 1, 0));
    });
    await gone;
    await server.until(reason);
  }
  assert.not(server.log.some((line) => line.startsWith('up')));
});

test("control channel: a hello that is not the certificate's name is refused", async () => {
  const server = await agent();
  const client = await dialing(server.channels.port, {
    hello: () => helloOf('switch2', 'switch'),
  });
  await server.until(/refused switch: calls itself "switch2" in its hello, expected was "switch"/);
  assert.not(server.log.some((line) => line.startsWith('up')));
  assert.not(client.log.some((line) => line.startsWith('up')));
});

test('control channel: a certificate of another host than the dialed one is refused', async () => {
  const server = await agent({ tls: TLS.switch });
  const client = await dialing(server.channels.port);
  await client.until(/certificate is of "switch", expected was "server1"/);
  assert.not(client.log.some((line) => line.startsWith('up')));
});

test('control channel: damaged, replayed and early frames end the connection unused', async () => {
  const server = await agent({ tls: undefined, insecure: true });
  const hello = encodeFrame(helloOf('switch', 'switch'), 1, 0);
  const damaged = encodeFrame(close, 2, 0).fill(0xff, 0, 4);
  const frames: [string, Uint8Array[], RegExp][] = [
    ['early', [encodeFrame(close, 1, 0)], /sent close before its hello/],
    ['length', [hello, damaged], /frame length of 4294967295/],
    ['replayed', [hello, encodeFrame(close, 1, 0)], /sent frame 1, expected was frame 2/],
    ['skipped', [hello, encodeFrame(close, 3, 0)], /sent frame 3, expected was frame 2/],
    ['future', [hello, encodeFrame(close, 2, 99)], /acknowledged frame 99, which was never sent/],
  ];
  for (const [name, bytes, reason] of frames) {
    const socket = connect(server.channels.port, '127.0.0.1');
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {}).resume();
    socket.write(Buffer.concat(bytes));
    await gone;
    await server.until(reason);
    assert.equal(server.messages, [], name);
  }
});

test.run();
