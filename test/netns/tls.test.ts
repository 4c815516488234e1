// TLS that ends at the servers: the short part of the acceptance line of that name.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keepSession, serversOf, visit, withTlsLab } from '../support/tls-visits.ts';

const test = suite('tls');
const VISITS = 2;

test('tls: routes by SNI and ALPN, sessions come back to their server, no TLS is reset', () =>
  withTlsLab(async (lab) => {
    assert.is((await visit(lab, '-servername', 'ONE.example')).server, 'server1');

    const two = ['-servername', 'a.two.example', '-alpn', 'h2,http/1.1'];
    assert.is((await visit(lab, ...two)).server, 'server2');
    assert.is(await serversOf(lab, 2, '-noservername', '-tls1_2'), 'server1 server2');
    for (const [what, ...options] of [['ticket'], ['session-id', '-no_ticket']] as const) {
      const { first, later } = await keepSession(lab, VISITS, what, ...options);
      const again = { server: first.server, reused: true, version: 'TLSv1.2' };
      assert.equal(first, { ...again, reused: false }, what);
      for (const each of later) assert.equal(each, again, what);
    }

    const hidden = await serversOf(lab, VISITS, '-tls1_3', '-servername', 'x.example');
    assert.match(hidden, /^server[12]$/, 'the same name from the same address');
    const plain = ['curl', '-sS', '--max-time', '5', 'http://192.0.2.80:443/'];
    assert.is((await lab.run('client', plain)).status, 56);
  }));

test.run();
