import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cookiesSet } from '../../../src/agent/set-cookie.ts';
import { Random } from '../../../src/lab/random.ts';

const test = suite('set-cookie');
const bytes = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));
const set = (text: string) => cookiesSet(bytes(text), 'sid');
const OK = 'HTTP/1.1 200 OK\r\n';

test('set-cookie: name and value of the cookie of that name, without its attributes', () => {
  assert.equal(set(`${OK}Set-Cookie: sid=a1; Path=/; HttpOnly\r\n\r\n`), ['sid=a1']);
  assert.equal(set(`${OK}set-cookie:sid = "a=b" ;Secure\r\n\r\n`), ['sid="a=b"']);
  assert.equal(set(`${OK}SET-COOKIE:\tsid=\xe9\xff\n\n`), ['sid=\xe9\xff']);
  const two = `${OK}Set-Cookie: a=1\r\nSet-Cookie: sid=1\r\nDate: x\r\nSet-Cookie: sid=2; Path=/b\r\n`;
  assert.equal(set(two), ['sid=1', 'sid=2']);
});

test('set-cookie: other names, no value, and what only looks like it', () => {
  for (const field of [
    'Set-Cookie: SID=1',
    'Set-Cookie: sid2=1',
    'Set-Cookie: xsid=1',
    'Set-Cookie: sid=; Max-Age=0',
    'Set-Cookie: sid',
    'Set-Cookie: a; sid=1',
    'X-Set-Cookie: sid=1',
    'Set-Cookie2: sid=1',
    'Cookie: sid=1',
  ]) {
    assert.equal(set(`${OK}${field}\r\n\r\n`), [], field);
  }
  assert.equal(set('GET / HTTP/1.1\r\nSet-Cookie: sid=1\r\n\r\n'), []);
});

test('set-cookie: a line that is not whole says nothing, nor does the body', () => {
  assert.equal(set(`${OK}Set-Cookie: sid=1234`), []);
  assert.equal(set(`${OK}\r\nSet-Cookie: sid=1\r\n\r\n`), []);
  assert.equal(set(`${OK}\r\n${OK}Set-Cookie: sid=1\r\n\r\n`), []);
});

test('set-cookie: behind an interim response comes another head', () => {
  const early = 'HTTP/1.1 103 Early Hints\r\nSet-Cookie: sid=0\r\n\r\n';
  assert.equal(set(`HTTP/1.1 100 Continue\r\n\r\n${early}${OK}Set-Cookie: sid=1\r\n\r\n`), [
    'sid=0',
    'sid=1',
  ]);
  const upgraded = 'HTTP/1.1 101 Switching Protocols\r\n\r\nSet-Cookie: sid=1\r\n\r\n';
  assert.equal(set(upgraded), []);
});

test('set-cookie: any bytes are read without harm', () => {
  const random = new Random(4);
  const good = bytes(`${OK}Set-Cookie: sid=1; Path=/\r\nSet-Cookie: sid=2\r\n\r\n`);
  for (let turn = 0; turn < 2000; turn += 1) {
    const torn = good.slice(0, 1 + random.below(good.length));
    for (let hit = random.below(5); hit > 0; hit -= 1) {
      torn[random.below(torn.length)] = random.below(256);
    }
    for (const found of cookiesSet(torn, 'sid')) assert.match(found, /^sid=./);
  }
  assert.equal(cookiesSet(new Uint8Array(0), 'sid'), []);
  assert.equal(cookiesSet(new Uint8Array(65_536).fill(10), 'sid'), []);
});

test.run();
