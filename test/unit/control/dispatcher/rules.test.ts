import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MatchConfig } from '../../../../src/config/config.ts';
import type { PathsName } from '../../../../src/config/choices.ts';
import { isLastRequest } from '../../../../src/control/dispatcher/last-request.ts';
import { readPath } from '../../../../src/control/dispatcher/path.ts';
import { Pattern } from '../../../../src/control/dispatcher/pattern.ts';
import { Rules } from '../../../../src/control/dispatcher/rules.ts';
import { Random } from '../../../../src/lab/random.ts';
import { parseHead } from './heads.ts';

const test = suite('rules');
function matches(match: MatchConfig, line: string, ...fields: string[]): boolean | null {
  const head = [line, ...fields].map((each) => `${each}\r\n`).join('');
  const hasHost = fields.some((field) => /^host:/i.test(field));
  const pool = new Rules([{ match, pool: 'yes' }], 'no').poolFor(
    parseHead(`${head}${hasHost ? '' : 'Host: a.example\r\n'}\r\n`),
  );
  return pool === null ? null : pool === 'yes';
}

test('rules: host is compared without case, port and trailing dot', () => {
  const match = { host: 'A.Example' };
  for (const host of ['a.example', 'A.EXAMPLE:8080', 'a.example.']) {
    assert.ok(matches(match, 'GET / HTTP/1.1', `Host: ${host}`), host);
  }
  assert.not(matches(match, 'GET / HTTP/1.1', 'Host: b.a.example'));
  assert.ok(matches({ host: '*.example' }, 'GET / HTTP/1.1', 'Host: b.a.example'));
});

test('rules: path exact and with a star, without the query', () => {
  assert.ok(matches({ path: '/a' }, 'GET /a?b=c HTTP/1.1'));
  assert.not(matches({ path: '/a' }, 'GET /ab HTTP/1.1'));
  assert.ok(matches({ path: '/images/*' }, 'GET /images/x/y.png HTTP/1.1'));
  assert.ok(matches({ path: '/images/*' }, 'GET /images/ HTTP/1.1'));
  assert.not(matches({ path: '/images/*' }, 'GET /images HTTP/1.1'));
  assert.ok(matches({ path: '*.php' }, 'GET /x/index.php HTTP/1.1'));
});

/** The pool by one rule for /admin/* and one for /img/*; null = refused. */
function poolOf(paths: PathsName, target: string): string | null {
  const rules = new Rules(
    [
      { match: { path: '/admin/*' }, pool: 'admin' },
      { match: { path: '/img/*' }, pool: 'img' },
    ],
    'web',
    paths,
  );
  return rules.poolFor(parseHead(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`));
}

const READINGS: [target: string, raw: string, rfc3986: string | null, merged: string | null][] = [
  ['/admin/x', 'admin', 'admin', 'admin'],
  ['/%61dmin/x', 'web', 'admin', 'admin'],
  ['/a/../admin/x', 'web', 'admin', 'admin'],
  ['/img/%2e%2E/./admin/x', 'img', 'admin', 'admin'],
  ['/admin/../x', 'admin', 'web', 'web'],
  ['//admin/x', 'web', 'web', 'admin'],
  ['/img//x', 'img', 'img', 'img'],
  ['/img/a%20b', 'img', 'img', 'img'],
  ['/admin/%2e%2e%2fimg/x', 'admin', null, null],
  ['/b%5Cc', 'web', null, null],
  ['/admin;a=b/x', 'web', null, null],
  ['/img/x;a=b', 'img', null, null],
  ['http://a.example', 'web', 'web', 'web'],
];

test('rules: a path is compared as the servers read it; strict: when all read the same', () => {
  for (const [target, raw, rfc3986, merged] of READINGS) {
    assert.is(poolOf('raw', target), raw, target);
    assert.is(poolOf('rfc3986', target), rfc3986, target);
    assert.is(poolOf('merge-slashes', target), merged, target);
    const agree = raw === rfc3986 && rfc3986 === merged;
    assert.is(poolOf('strict', target), agree ? raw : null, target);
  }
  assert.is(matches({ method: 'GET' }, 'GET /b%2fc HTTP/1.1'), true, 'no rule looks at the path');
});

test('path: nginx decodes every escape, RFC 3986 unreserved ones only', () => {
  const read = (text: string, reading: 'rfc3986' | 'merge-slashes') =>
    new TextDecoder().decode(readPath(new TextEncoder().encode(text), reading)!);
  assert.is(read('/a%21%c3%bc%7E', 'rfc3986'), '/a%21%C3%BC~');
  assert.is(read('/a%21%c3%bc%7E', 'merge-slashes'), '/a!ü~');
  assert.is(read('/a//b///../c/', 'merge-slashes'), '/a/c/');
  assert.is(read('/a//../c', 'rfc3986'), '/a/c');
  assert.is(read('', 'rfc3986'), '/');
});

test('head: whether it is the last one of its connection, and where it ends', () => {
  const last = (line: string, ...fields: string[]) =>
    isLastRequest(parseHead([line, 'Host: a', ...fields, '', ''].join('\r\n')));
  assert.not(last('GET / HTTP/1.1'));
  assert.ok(last('GET / HTTP/1.1', 'Connection: x, Close'));
  assert.not(last('GET / HTTP/1.1', 'Connection: close, upgrade', 'Upgrade: h2c'));
  assert.ok(last('GET / HTTP/1.0'));
  assert.not(last('GET / HTTP/1.0', 'Connection: keep-alive'));
  const head = parseHead('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n');
  assert.is(head.end, head.length + 7);
});

test('rules: method, header, cookie, query', () => {
  assert.ok(matches({ method: 'POST' }, 'POST / HTTP/1.1'));
  assert.not(matches({ method: 'POST' }, 'GET / HTTP/1.1'));
  const header = { header: { 'X-Version': '2*' } };
  assert.ok(matches(header, 'GET / HTTP/1.1', 'x-version: 1', 'X-VERSION: 2.5'));
  assert.not(matches(header, 'GET / HTTP/1.1', 'x-version: 1.2'));
  assert.not(matches(header, 'GET / HTTP/1.1'));
  const cookie = { cookie: { user: 'beta*' } };
  assert.ok(matches(cookie, 'GET / HTTP/1.1', 'Cookie: a=b; user=beta7; c=d'));
  assert.ok(matches(cookie, 'GET / HTTP/1.1', 'Cookie: a=b', 'Cookie: user=beta'));
  assert.not(matches(cookie, 'GET / HTTP/1.1', 'Cookie: xuser=beta; user=alpha'));
  assert.not(matches(cookie, 'GET / HTTP/1.1', 'Cookie: user'));
  const query = { query: { q: 'a b', z: '*' } };
  assert.ok(matches(query, 'GET /?z&q=a+b HTTP/1.1'));
  assert.ok(matches(query, 'GET /?%71=a%20b&z=9 HTTP/1.1'));
  assert.not(matches(query, 'GET /?q=a+b HTTP/1.1'));
  assert.not(matches(query, 'GET / HTTP/1.1'));
});

test('rules: the first rule whose conditions all hold, else the pool of the service', () => {
  const rules = new Rules(
    [
      { match: { method: 'POST', path: '/api/*' }, pool: 'write' },
      { match: { path: '/api/*' }, pool: 'read' },
    ],
    'other',
  );
  const pool = (line: string) => rules.poolFor(parseHead(`${line} HTTP/1.1\r\nHost: a\r\n\r\n`));
  assert.is(pool('POST /api/1'), 'write');
  assert.is(pool('GET /api/1'), 'read');
  assert.is(pool('POST /x'), 'other');
});

test('rules: an empty line before the request line moves nothing', () => {
  const head = parseHead('\r\nPOST /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.is(head.text(head.method), 'POST');
  assert.is(head.text(head.path), '/a');
  assert.is(head.text(head.query), 'b=c');
});

/** RFC 3986 section 5.2.4 on a list of segments. */
function resolved(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  segments.forEach((segment, index) => {
    const isDots = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    if (!isDots) kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  });
  return `/${kept.join('/')}`;
}

test('path: unreserved bytes decoded, dot segments resolved: as the obvious version', () => {
  const random = new Random(9);
  const parts = ['/', '/', '/.', '/..', 'a', 'b', '.', '..', '%41', '%7e', '%2E', '%20', '...'];
  for (let round = 0; round < 3000; round += 1) {
    const text = `/${Array.from({ length: random.below(8) }, () => random.pick(parts)).join('')}`;
    const bytes = new TextEncoder().encode(text);
    const path = new TextDecoder().decode(readPath(bytes, 'rfc3986')!);
    const decoded = text.replaceAll('%41', 'A').replaceAll('%7e', '~').replaceAll('%2E', '.');
    assert.is(path, resolved(decoded), text);
  }
});

test('pattern: as the regular expression', () => {
  const random = new Random(10);
  for (let round = 0; round < 5000; round += 1) {
    const draw = (letters: string) =>
      Array.from({ length: random.below(8) }, () => letters[random.below(letters.length)]).join('');
    const pattern = draw('ab**');
    const text = draw('ab');
    const bytes = new TextEncoder().encode(text);
    const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(text);
    assert.is(new Pattern(pattern).matches(bytes, 0, bytes.length), expected, `${pattern} ${text}`);
  }
});

test.run();
