import { createServer, METHODS, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as E from '../../assembly/parse/head-errors.ts';
import * as C from '../../assembly/calls.ts';
import { headParser } from '../support/head-parser.ts';
import { randomHead, readHead, spoil } from '../support/head-model.ts';
import { Random } from '../../src/lab/random.ts';

const { parse, found } = headParser();
const test = suite('request head');
const HOST = 'Host: a.example\r\n';

function refused(text: string, error: number): void {
  assert.is(parse(text), -error, JSON.stringify(text.slice(0, 200)));
}

const get = (target: string, fields = HOST): string => `GET ${target} HTTP/1.1\r\n${fields}\r\n`;

test('request head: good heads give what an obvious parser finds', () => {
  const random = new Random(1);
  let accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    const text = randomHead(random);
    const wanted = readHead(text);
    const result = parse(text + 'GET /next');
    assert.is(result > 0, wanted !== undefined, `${JSON.stringify(text)} gave ${result}`);
    if (!wanted) continue;
    assert.is(result, wanted.length);
    assert.equal(found(text), wanted);
    accepted++;
  }
  assert.ok(accepted > 10_000, `${accepted} accepted`);
});

test('request head: spoiled heads are accepted exactly when an obvious parser accepts them', () => {
  const random = new Random(2);
  let refusals = 0;
  for (let round = 0; round < 60_000; round++) {
    const text = spoil(random, randomHead(random)) + '\r\n\r\n';
    const wanted = readHead(text);
    const result = parse(text);
    assert.is(Math.sign(result), wanted ? 1 : -1, `${JSON.stringify(text)} gave ${result}`);
    if (wanted) assert.equal(found(text), wanted);
    else refusals++;
  }
  assert.ok(refusals > 20_000, `${refusals} refused`);
});

test('request head: every prefix of a good head is incomplete', () => {
  const random = new Random(3);
  for (let round = 0; round < 200; round++) {
    const text = randomHead(random);
    if (!readHead(text)) continue;
    for (let length = 0; length < text.length; length++) assert.is(parse(text, length), 0);
    assert.is(parse(text), text.length);
  }
});

test('request head: a refused prefix is refused with whatever follows', () => {
  const random = new Random(4);
  for (let round = 0; round < 300; round++) {
    const text = spoil(random, randomHead(random)) + '\r\n\r\n';
    let first = 0;
    for (let length = 0; length <= text.length && first >= 0; length++) first = parse(text, length);
    assert.ok(first < 0 || parse(text) > 0);
    if (first < 0) assert.ok(parse(text) < 0, JSON.stringify(text));
  }
});

test('request head: each byte is taken or refused in method, target, name and value', () => {
  for (let byte = 0; byte < 256; byte++) {
    const c = String.fromCharCode(byte);
    for (const text of [
      `G${c}T / HTTP/1.1\r\n${HOST}\r\n`,
      get(`/${c}b`),
      get(`/?${c}b`),
      get('/', `${HOST}X${c}Y: 1\r\n`),
      get('/', `${HOST}X: 1${c}2\r\n`),
      get('/', `Host: a${c}b\r\n`),
      get(`http://a${c}b/`, `Host: a${c}b\r\n`),
    ]) {
      const result = parse(text);
      assert.is(result > 0, readHead(text) !== undefined, `${byte} ${JSON.stringify(text)}`);
    }
  }
});

const two = (first: string, second: string): string => get('/', `${HOST}${first}\r\n${second}\r\n`);

test('request head: a field that is ambiguous is refused by name', () => {
  refused(`GET / HTTP/1.1\n${HOST}\r\n`, E.HEAD_ERROR_LINE_END);
  refused(get('/', 'Host: a.example\n'), E.HEAD_ERROR_LINE_END);
  refused(get('/', `${HOST}X: a\rHost: b\r\n`), E.HEAD_ERROR_LINE_END);
  refused(get('/', `${HOST}X: a\0b\r\n`), E.HEAD_ERROR_VALUE);
  refused(get('/', `${HOST} .b\r\n`), E.HEAD_ERROR_FOLD);
  refused(get('/', ` X: y\r\n${HOST}`), E.HEAD_ERROR_FOLD);
  refused(get('/', `Host : b\r\n${HOST}`), E.HEAD_ERROR_SPACE_BEFORE_COLON);
  refused(get('/', `${HOST}Ho(st: b\r\n`), E.HEAD_ERROR_NAME);
  refused(get('/', `${HOST}: b\r\n`), E.HEAD_ERROR_NAME);
  refused(get('/', HOST + HOST), E.HEAD_ERROR_HOST_TWICE);
  refused(get('/', ''), E.HEAD_ERROR_HOST_MISSING);
  for (const host of [
    '',
    'a b',
    'a,b',
    'a/b',
    'a..b',
    '.a',
    'a..',
    '.',
    ':80',
    'a:b',
    'a:65536',
    '[::1',
    '[]',
    '[::1]x',
  ]) {
    refused(get('/', `Host: ${host}\r\n`), E.HEAD_ERROR_HOST);
  }
  refused(get('/', 'Host: user@a.example\r\n'), E.HEAD_ERROR_USERINFO);
  refused(get('http://u:p@a.example/'), E.HEAD_ERROR_USERINFO);
  refused(get('http://b.example/'), E.HEAD_ERROR_HOST_DIFFERS);
  refused(get('http://a.example:8080/'), E.HEAD_ERROR_HOST_DIFFERS);
});

test('request head: an ambiguous framing is refused by name', () => {
  refused(two('Content-Length: 3', 'Content-Length: 30'), E.HEAD_ERROR_CONTENT_LENGTH);
  for (const length of [
    '',
    '+3',
    '-3',
    '3 3',
    '3,3',
    '0x3',
    '3.0',
    '9'.repeat(16),
    '9'.repeat(20),
  ]) {
    refused(two(`Content-Length: ${length}`, 'A: b'), E.HEAD_ERROR_CONTENT_LENGTH);
  }
  refused(two('Content-Length: 3', 'Transfer-Encoding: chunked'), E.HEAD_ERROR_BOTH_LENGTHS);
  for (const coding of [
    '',
    'gzip',
    'chunked, gzip',
    'chunked, chunked',
    'xchunked',
    '"chunked"',
    ',chunked',
    'chunked;a=b',
  ]) {
    refused(two(`Transfer-Encoding: ${coding}`, 'A: b'), E.HEAD_ERROR_TRANSFER_ENCODING);
  }
  refused('POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', E.HEAD_ERROR_TRANSFER_ENCODING);
});

test('request head: an ambiguous request line is refused by name', () => {
  for (const version of [
    'HTTP/0.9',
    'HTTP/1.2',
    'HTTP/2.0',
    'http/1.1',
    'HTTP/1.10',
    'HTTP/1.1 ',
    '',
  ]) {
    refused(`GET / ${version}\r\n${HOST}\r\n`, E.HEAD_ERROR_VERSION);
  }
  refused('GET /\r\n', E.HEAD_ERROR_VERSION);
  refused(`GET  / HTTP/1.1\r\n${HOST}\r\n`, E.HEAD_ERROR_TARGET);
  for (const target of [
    '*',
    'a',
    'a.example:80',
    'ftp://a.example/',
    '/a\\b',
    'http:/a',
    '/\u00e4',
    '/a"',
  ]) {
    refused(get(target), E.HEAD_ERROR_TARGET);
  }
  for (const target of ['/%', '/%4', '/%zz', '/%00']) refused(get(target), E.HEAD_ERROR_ESCAPE);
  refused(get('/a#b'), E.HEAD_ERROR_FRAGMENT);
  refused(get('/?a#b'), E.HEAD_ERROR_FRAGMENT);
  refused(`CONNECT a.example:443 HTTP/1.1\r\n${HOST}\r\n`, E.HEAD_ERROR_CONNECT);
  refused(`\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, E.HEAD_ERROR_METHOD);
  refused('\x16\x03\x01', E.HEAD_ERROR_METHOD);
  refused(' GET', E.HEAD_ERROR_METHOD);
  refused('A'.repeat(33), E.HEAD_ERROR_METHOD);
});

test('request head: bytes and fields are bounded', () => {
  const field = (count: number): string => 'A: b\r\n'.repeat(count);
  assert.ok(parse(get('/', HOST + field(C.HEAD_HEADER_LIMIT - 1))) > 0);
  refused(get('/', HOST + field(C.HEAD_HEADER_LIMIT)), E.HEAD_ERROR_TOO_LONG);
  const rest = get('/', `${HOST}X: \r\n`).length;
  const long = get('/', `${HOST}X: ${'y'.repeat(C.HEAD_LIMIT - rest)}\r\n`);
  assert.is(long.length, C.HEAD_LIMIT);
  assert.is(parse(long), C.HEAD_LIMIT);
  assert.is(parse(long, C.HEAD_LIMIT - 1), 0);
  refused(long.replace('X: ', 'X: y'), E.HEAD_ERROR_TOO_LONG);
  refused(`GET /${'a'.repeat(70_000)}`, E.HEAD_ERROR_TOO_LONG);
});

test('request head: what is accepted, Node reads in the same way', async () => {
  const random = new Random(6);
  const server = createServer({ requireHostHeader: false, keepAliveTimeout: 1 });
  let compared = 0;
  let settle: (result: IncomingMessage | Error) => void = () => {};
  for (const event of ['request', 'checkContinue', 'checkExpectation']) {
    server.on(event, (request: IncomingMessage) => settle(request));
  }
  server.on('clientError', (error: Error) => settle(error));
  for (let round = 0; round < 1500; round++) {
    const good = randomHead(random);
    const text = random.chance(0.5) ? good : spoil(random, good) + '\r\n\r\n';
    const result = parse(text);
    if (result <= 0) continue;
    const wanted = found(text);
    if (!METHODS.includes(wanted.method)) continue; // Node has a list
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const read = await new Promise<IncomingMessage | Error>((resolve) => {
      settle = resolve;
      server.emit('connection', socket);
      socket.push(Buffer.from(text.slice(0, result), 'latin1'));
    });
    socket.destroy();
    if (read instanceof Error) throw new Error(`${JSON.stringify(text)}: ${read.message}`);
    assert.is(read.method, wanted.method);
    assert.is(read.url, wanted.target);
    assert.is(read.httpVersionMinor, wanted.version - 10);
    assert.equal(read.rawHeaders, wanted.fields.flat());
    compared++;
  }
  server.close();
  assert.ok(compared > 500, `${compared} compared`);
});

test.run();
