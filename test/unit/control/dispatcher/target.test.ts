import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TargetConfig } from '../../../../src/config/target.ts';
import { targetFinder } from '../../../../src/control/dispatcher/target.ts';
import { problemsOf } from '../../../support/config-problems.ts';
import { parseHead } from './heads.ts';

const test = suite('targets');

function found(target: TargetConfig, line: string, ...fields: string[]): string | null {
  const head = ['Host: WWW.Example:80', ...fields].map((field) => `${field}\r\n`).join('');
  const bytes = targetFinder(target)!(parseHead(`GET ${line} HTTP/1.1\r\n${head}\r\n`));
  return bytes && new TextDecoder().decode(bytes);
}

test('target: path is what the parser has hashed', () => {
  assert.is(targetFinder(undefined), null);
  assert.is(targetFinder('path'), null);
});

test('target: host and path, the host without case and port, no query', () => {
  assert.is(found('host+path', '/A/b?c'), 'www.example/A/b');
  assert.is(found('host+path', 'http://WWW.Example:80'), 'www.example/');
});

test('target: a header, its name without case, the first of several', () => {
  const target = { header: 'X-Tenant' };
  assert.is(found(target, '/', 'x-tenant:  A b ', 'X-Tenant: c'), 'A b');
  assert.is(found(target, '/', 'X-Tenant2: c'), null);
});

test('target: a cookie, its name with case, in any header line', () => {
  const target = { cookie: 'sid' };
  assert.is(found(target, '/', 'Cookie: SID=1; a=2', 'cookie: b=3; sid=4'), '4');
  assert.is(found(target, '/', 'Cookie: xsid=1'), null);
});

test('target: a query parameter, decoded', () => {
  const target = { query: 'q' };
  assert.is(found(target, '/?a=1&%71=x%20y+z&q=2'), 'x y z');
  assert.is(found(target, '/?a=1'), null);
});

function file(...keys: string[]): string {
  return `name: switch
roles: [switch]
insecure: true
switch: { key: '${'00'.repeat(32)}' }
servers: [{ name: server1, agent: 10.80.11.2:7080, port: 80 }]
pools: [{ ${['name: default', 'servers: [server1]', ...keys].join(', ')} }]
services: [{ name: web, vip: [192.0.2.80], pool: default }]
`;
}

function problem(...keys: string[]): string {
  return problemsOf(file(...keys)).join('\n');
}

test('target: what is wrong is told with its place', () => {
  const good = [
    'target: path',
    'target: host+path',
    'target: { header: x-tenant }',
    'target: { query: q }',
    'target: { json: { field: "messages[0].content", bytes: 512, waitMs: 50 } }',
    'target: { json: { field: prompt } }',
  ];
  for (const text of good) assert.is(problem(text, 'policy: maglev'), '', text);
  assert.match(problem('target: hots+path'), /pools\[0\]\.target: .*host\+path/);
  assert.match(problem('target: { header: "a b" }'), /pools\[0\]\.target/);
  assert.match(problem('target: { json: { field: "a..b" } }'), /pools\[0\]\.target/);
  assert.match(
    problem('target: { cookie: sid }', 'policy: round-robin'),
    /pools\[0\]\.target: .*policy round-robin has no use for it/,
  );
});

test.run();
