import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import { loadParts } from '../support/core-parts.ts';
import { Random } from '../../src/lab/random.ts';

const test = suite('responses');
const core = loadParts();
const RECORD = 1024;
const BYTES = 8192;
const TO_HEAD = 1 << 23;

/** How many final responses are complete, and 0 in mid-response, 1 between, 2 over, 3 upgraded. */
type Reading = [responses: number, state: number];

/** Reads text in pieces as the core does; `cut` draws a piece's length. */
function read(text: string, toHead = false, cut = (left: number) => left): Reading {
  core.bytes.fill(0, RECORD, RECORD + L.RECORD_SIZE);
  core.view.setUint32(RECORD + L.RECORD_RESPONSE_MODE, toHead ? TO_HEAD : 0, true);
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at + cut(bytes.length - at));
    core.bytes.set(piece, BYTES);
    core.takeResponse(RECORD, BYTES, BYTES + piece.length);
    at += piece.length;
  }
  return [core.view.getUint32(RECORD + L.RECORD_RESPONSES, true), core.responseState(RECORD)];
}

const LINE = '[^\\r\\n]*\\r\\n';
const HEAD = new RegExp(
  `^HTTP/1\\.\\d (\\d{3})(?: [^\\r\\n]*)?\\r\\n((?:[^\\x00-\\x20:]+:${LINE})*)\\r\\n`,
);
const CHUNKS = new RegExp(`^(?:([0-9a-f]+)(?:[; \\t][^\\r\\n]*)?\\r\\n)`, 'i');

function valuesOf(fields: string, name: string): string[] {
  return fields
    .split('\r\n')
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).replace(/^[ \t]+|[ \t]+$/g, ''));
}

/** Length of a whole chunked body; -1 when it is not whole. */
function chunkedLength(text: string): number {
  for (let at = 0; ;) {
    const size = CHUNKS.exec(text.slice(at));
    if (!size) return -1;
    const count = parseInt(size[1]!, 16);
    at += size[0].length;
    if (count > 0) at += count + 2;
    else {
      const trailer = new RegExp(`^(?:[^\\r\\n]${LINE})*\\r\\n`).exec(text.slice(at));
      return trailer ? at + trailer[0].length : -1;
    }
  }
}

/** The obvious reader, of text in which every response is good and perhaps the last one is cut. */
function obvious(text: string, toHead: boolean): Reading {
  let responses = 0;
  let rest = text;
  while (rest !== '') {
    const head = HEAD.exec(rest);
    if (!head) return [responses, 0];
    rest = rest.slice(head[0].length);
    const [, status, fields] = head as unknown as [string, string, string];
    if (status === '101') return [responses, 3];
    if (status.startsWith('1')) continue;
    const isEmpty = status === '204' || status === '304' || (toHead && responses === 0);
    const [length] = valuesOf(fields, 'content-length');
    const isChunked = valuesOf(fields, 'transfer-encoding').length > 0;
    if (!isEmpty && !isChunked && length === undefined) return [responses, 2];
    const size = isEmpty ? 0 : isChunked ? chunkedLength(rest) : Number(length);
    if (size < 0 || size > rest.length) return [responses, 0];
    rest = rest.slice(size);
    responses += 1;
  }
  return [responses, 1];
}

const OTHER = [
  'Server: x\r\n',
  'Content-Lengths: 7\r\n',
  'X-Content-Length: 9\r\n',
  'Transfer: a\r\n',
  'Set-Cookie: a=b; c\r\n',
  'T: \r\n',
];

function randomCase(random: Random, text: string): string {
  return [...text].map((c) => (random.below(2) === 0 ? c.toUpperCase() : c)).join('');
}

function randomChunks(random: Random): string {
  let text = '';
  for (let count = random.below(4); count > 0; count -= 1) {
    const size = 1 + random.below(60);
    const extension = random.below(4) === 0 ? ';a=b' : '';
    text += `${size.toString(16)}${extension}\r\n${'HTTP/1.1 200\r\n\r\n'.repeat(9).slice(0, size)}\r\n`;
  }
  return `${text}0\r\n${random.below(3) === 0 ? 'A: b\r\n' : ''}\r\n`;
}

function randomResponse(random: Random, toHead: boolean): string {
  const status = [200, 200, 200, 404, 204, 304, 100, 103, 302, 101][
    random.below(random.below(9) === 0 ? 10 : 9)
  ]!;
  const fields = Array.from({ length: random.below(4) }, () => OTHER[random.below(OTHER.length)]!);
  const kind = random.below(20);
  const size = random.below(3) === 0 ? 0 : random.below(300);
  const isFinal = status >= 200;
  const hasBody = isFinal && status !== 204 && status !== 304 && !toHead;
  let body = '';
  if (kind < 10) {
    if (status !== 204 && isFinal)
      fields.push(
        randomCase(random, `content-length:${' '.repeat(random.below(3))}`) +
          `${size} \r\n`.replace(' ', random.below(2) ? ' ' : ''),
      );
    body = 'HTTP/1.1 200 OK\r\n\r\n'.repeat(20).slice(0, size);
  } else if (kind < 19 && isFinal) {
    fields.push(`${randomCase(random, 'transfer-encoding: chunked')}\r\n`);
    body = randomChunks(random);
  }
  const reason = random.below(4) === 0 ? '' : ' Reason of it';
  const lines = fields.sort(() => random.below(3) - 1).join('');
  return `HTTP/1.${random.below(2)} ${status}${reason}\r\n${lines}\r\n${hasBody ? body : ''}`;
}

test('responses: in any pieces they end where an obvious reader finds it', () => {
  const random = new Random(3);
  const seen = [0, 0, 0, 0];
  for (let round = 0; round < 20_000; round += 1) {
    const toHead = random.below(5) === 0;
    let text = '';
    let finals = 0;
    for (let count = random.below(5); count >= 0; count -= 1) {
      const response = randomResponse(random, toHead && finals === 0);
      if (!/^HTTP\/1.. 1/.test(response)) finals += 1;
      text += response;
    }
    if (random.below(3) === 0) text = text.slice(0, random.below(text.length));
    const expected = obvious(text, toHead);
    const found = read(text, toHead, () => 1 + random.below(random.below(4) === 0 ? 400 : 20));
    assert.equal(found, expected, JSON.stringify(text));
    seen[found[1]]! += 1;
  }
  for (const count of seen) assert.ok(count > 200, seen.join(' '));
});

test('responses: what clients may read in two ways is never complete', () => {
  const bodies = 'x'.repeat(100);
  const odd = [
    'HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\n Content-Length: 5\r\n\r\n',
    'HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdef\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
  ];
  for (const text of odd) assert.equal(read(text + bodies), [0, 2], JSON.stringify(text));
});

test('responses: a body that is not seen is passed over, a head is not', () => {
  read('HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\nab');
  assert.is(core.skipResponse(RECORD, 4_294_967_295), 1);
  assert.is(core.skipResponse(RECORD, 705_032_704), 0);
  assert.is(core.skipResponse(RECORD, 705_032_702), 1);
  assert.is(core.responseState(RECORD), 0);
  assert.is(core.skipResponse(RECORD, 1), 1);
  assert.is(core.responseState(RECORD), 1);
  assert.is(core.skipResponse(RECORD, 1), 0);
});

test.run();
