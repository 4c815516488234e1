import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/config/load.ts';
import { problemsOf } from '../../support/config-problems.ts';

const test = suite('affinity');

function file(...keys: string[]): string {
  return `name: switch
roles: [switch]
insecure: true
switch: { key: '${'00'.repeat(32)}' }
servers: [{ name: server1, agent: 10.80.11.2:7080, port: 80 }]
pools: [{ name: default, servers: [server1] }]
services: [{ ${['name: web', 'vip: [192.0.2.80]', 'pool: default', ...keys].join(', ')} }]
`;
}

function affinityOf(...keys: string[]): unknown {
  return parseConfig(file(...keys), 'baton.yaml').services[0]!.affinity;
}

function problem(...keys: string[]): string {
  return problemsOf(file(...keys)).join('\n');
}

test('affinity: sessions are those of protocol tls', () => {
  assert.is(affinityOf('protocol: tls', 'affinity: session'), 'session');
  assert.is(affinityOf('protocol: tls', 'affinity: none'), 'none');
  assert.is(affinityOf('affinity: none'), 'none');
  assert.is(affinityOf(), undefined);
  assert.match(
    problem('affinity: session'),
    /services\[0\]\.affinity: .*only a service of protocol tls has sessions to go by/,
  );
});

test('affinity: a wrong word is told', () => {
  assert.match(problem('protocol: tls', 'affinity: sesion'), 'did you mean "session"?');
  assert.match(problem('affinity: 5'), 'expected none, session or { cookie: NAME }, found');
});

test('affinity: cookies are those of protocol http', () => {
  assert.equal(affinityOf('affinity: { cookie: sid }'), { cookie: 'sid' });
  assert.match(
    problem('protocol: tls', 'affinity: { cookie: sid }'),
    /services\[0\]\.affinity: .*a service of protocol tls has no cookies to go by/,
  );
  assert.match(problem('affinity: { cookei: sid }'), 'did you mean "cookie"?');
  for (const value of ["''", "'a b'", "'a=b'", '5', "'a;'", 'a'.repeat(65)]) {
    assert.match(
      problem(`affinity: { cookie: ${value} }`),
      /services\[0\]\.affinity\.cookie: expected the name of a cookie/,
      value,
    );
  }
});

test.run();
