import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasBytesBehind, isLastRequest } from '../../../../src/control/dispatcher/last-request.ts';
import { parseHead } from './heads.ts';

const test = suite('last request');
function isLast(minor: number, ...fields: string[]): boolean {
  return isLastRequest(
    parseHead([`GET / HTTP/1.${minor}`, 'Host: a', ...fields, '', ''].join('\r\n')),
  );
}

test('last request: a close that every server reads as one ends the connection', () => {
  assert.ok(isLast(0));
  assert.ok(isLast(0, 'Keep-Alive: 5'));
  for (const value of ['close', 'Close', 'close, TE', 'TE ,\tclose', ', close,']) {
    assert.ok(isLast(1, `Connection: ${value}`), value);
  }
  assert.ok(isLast(1, 'Connection: TE', 'connection: close'));
});

test('last request: what some server takes for keep-alive, or not for close, does not end it', () => {
  assert.not(isLast(1));
  for (const value of ['close x', 'x close', 'close;x', 'close=1', '"close"', 'close/keep-alive']) {
    assert.not(isLast(1, `Connection: ${value}`), value);
  }
  assert.not(isLast(1, 'Proxy-Connection: close'));
  assert.not(isLast(1, 'Connection: close', 'Upgrade: h2c'));
  for (const minor of [0, 1]) {
    assert.not(isLast(minor, 'Connection: close, keep-alive'));
    assert.not(isLast(minor, 'Connection: close', 'Connection: Keep-Alive'));
    assert.not(isLast(minor, 'Connection: keep-alive', 'Connection: close'));
    assert.not(isLast(minor, 'Connection: close', 'Proxy-Connection: keep-alive'));
  }
  assert.not(isLast(0, 'Proxy-Connection: keep-alive'));
  assert.not(isLast(0, 'Connection: xkeep-alive'), 'nginx looks anywhere');
  assert.not(isLast(0, 'Connection: keep alive'), 'Apache does');
});

test('last request: bytes behind a body are found, also behind a chunked one', () => {
  const behind = (body: string): boolean => {
    const text = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
    return hasBytesBehind(parseHead(text), new TextEncoder().encode(text));
  };
  const bodies = ['3\r\nabc\r\n0\r\n\r\n', '1;x="y"\r\na\r\nA\r\n0123456789\r\n0\r\nT: u\r\n\r\n'];
  for (const body of bodies) {
    for (let to = 0; to <= body.length; to += 1) assert.not(behind(body.slice(0, to)), body);
    assert.ok(behind(`${body}G`));
    assert.ok(behind(`${body}GET / HTTP/1.1\r\n`));
  }
  for (const body of [
    'g\r\n',
    '3\r\nabcd\r\n',
    '\r\n',
    '-1\r\n',
    '0x1\r\n',
    '1 x\r\n',
    '3\nabc\n0\n\n',
    '0\r\n\n',
  ]) {
    assert.ok(behind(body), 'nobody knows where it ends');
  }
});

test.run();
