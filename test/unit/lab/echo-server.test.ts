import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { streamBytes, streamChunks } from '../../../src/lab/byte-stream.ts';
import { createEchoServer, peerText } from '../../../src/lab/echo-server.ts';

const test = suite('echo server');
const server = createEchoServer('server7');
let port = 0;

test.before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
test.after(() => {
  server.closeAllConnections();
  server.close();
});

/** Sends `parts` (the next one when something came back) and returns all that came, until the end. */
async function talk(...parts: string[]): Promise<{ text: string; localPort: number }> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  await once(socket, 'connect');
  const localPort = socket.localPort!;
  let text = '';
  for (const part of parts) {
    socket.write(part);
    const [piece] = (await once(socket, 'data')) as [string];
    text += piece;
  }
  socket.end();
  socket.on('data', (piece: string) => (text += piece));
  await once(socket, 'close');
  return { text, localPort };
}

const request = (version: string, extra = '') => `GET / HTTP/${version}\r\nHost: x\r\n${extra}\r\n`;

test('echo server: says who it is, whom it saw, and what was asked', async () => {
  const { text, localPort } = await talk('GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\n\r\n');
  const body = text.split('\r\n\r\n')[1];
  assert.is(body, `server=server7; peer=127.0.0.1:${localPort}; host=shop.example; target=/a?b=c;`);
});

test('echo server: keeps an HTTP/1.1 connection, and an HTTP/1.0 one when asked to', async () => {
  const two = await talk(request('1.1'), request('1.1'));
  assert.is(two.text.match(/HTTP\/1.1 200/g)?.length, 2);
  const kept = await talk(...Array<string>(2).fill(request('1.0', 'Connection: keep-alive\r\n')));
  assert.is(kept.text.match(/HTTP\/1.1 200/g)?.length, 2);
  assert.match(kept.text, /Connection: keep-alive/);
  assert.match((await talk(request('1.0'))).text, /Connection: close/);
});

test('echo server: /bytes/N is the first N bytes of the stream', async () => {
  for (const length of [0, 1, 5, 3_000_001]) {
    const response = await fetch(`http://127.0.0.1:${port}/bytes/${length}`);
    const body = Buffer.from(await response.arrayBuffer());
    assert.is(body.length, length);
    assert.ok(body.equals(streamBytes(0, length)));
  }
});

test('echo server: PUT and POST answer the SHA-256 of the body', async () => {
  const body = streamBytes(0, 2_500_000);
  const wanted = createHash('sha256').update(body).digest('hex');
  for (const method of ['PUT', 'POST']) {
    const response = await fetch(`http://127.0.0.1:${port}/x`, {
      method,
      body: new Uint8Array(body),
    });
    assert.is(await response.text(), wanted);
  }
});

test('echo server: tells a client that expects it to go on', async () => {
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n';
  const { text } = await talk(head, 'abc');
  assert.match(text, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
  assert.match(text, createHash('sha256').update('abc').digest('hex'));
});

test('echo server: peers are written as people write them', () => {
  assert.is(peerText('::ffff:10.80.1.2', 9), '10.80.1.2:9');
  assert.is(peerText('fd80:1::2', 9), '[fd80:1::2]:9');
});

test('byte stream: chunks put together are the stream, word i is i times the factor', () => {
  const whole = Buffer.concat([...streamChunks(2_100_003)]);
  assert.ok(whole.equals(streamBytes(0, 2_100_003)));
  for (const word of [0, 1, 2, 262_144, 500_000]) {
    assert.is(whole.readUInt32LE(4 * word), Number((BigInt(word) * 0x9e3779b1n) % (1n << 32n)));
  }
});

test('byte stream: 100 MB are made in well under a second', () => {
  const started = performance.now();
  let length = 0;
  for (const chunk of streamChunks(1e8)) length += chunk.length;
  assert.is(length, 1e8);
  assert.ok(performance.now() - started < 1000);
});

test.run();
