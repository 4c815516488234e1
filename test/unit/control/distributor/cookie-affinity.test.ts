import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../../../assembly/layout.ts';
import type { PoolConfig, ServiceConfig } from '../../../../src/config/config.ts';
import { Client } from '../client.ts';
import { RUN, Rig, testConfig } from '../rig.ts';

const test = suite('cookie affinity');

async function rigFor(affinity: ServiceConfig['affinity'], pool?: Partial<PoolConfig>) {
  const config = testConfig(3);
  Object.assign(config.services[0]!, { affinity });
  Object.assign(config.pools[0]!, pool);
  const rig = await Rig.make(config);
  for (const server of [1, 2, 3]) rig.up(server);
  return rig;
}

/** The server has set that cookie. */
function tell(rig: Rig, server: number, pair: string): void {
  const bytes = new TextEncoder().encode(pair);
  rig.connections.writeBuffer(bytes);
  const key = rig.core.hashTarget(L.CONTROL_BUFFER, bytes.length);
  rig.message(server, { type: 'session', id: { run: RUN, counter: 1 }, key });
}

let port = 1000;

/** To which server a request with these fields goes. */
function chosen(rig: Rig, ...fields: string[]): string {
  const client = new Client(rig, { port: ++port });
  client.open();
  client.send(['GET /a HTTP/1.1', 'Host: a.example', ...fields, '', ''].join('\r\n'));
  return rig.messages.findLast(({ message }) => message.type === 'handoff')!.to;
}

function visits(rig: Rig, ...fields: string[]): Set<string> {
  return new Set([1, 2, 3, 4].map(() => chosen(rig, ...fields)));
}

test('cookie affinity: to the server that set it, whatever stands around it', async () => {
  const rig = await rigFor({ cookie: 'sid' });
  tell(rig, 3, 'sid=abc');
  for (const field of [
    'Cookie: sid=abc',
    'cookie:  a=b; sid=abc ;c',
    'Cookie: sid=unknown; sid=abc',
  ]) {
    assert.equal(visits(rig, field), new Set(['server3']), field);
  }
  assert.equal(visits(rig, 'Cookie: a=b', 'Cookie: sid=abc'), new Set(['server3']));
  assert.is(rig.last('handoff').cookie, 'sid');
  assert.is(rig.plane.stats().known, 16);
});

test('cookie affinity: without it, or with another one, the policy chooses', async () => {
  const rig = await rigFor({ cookie: 'sid' });
  tell(rig, 3, 'sid=abc');
  for (const fields of [
    [],
    ['Cookie: sid=abcd'],
    ['Cookie: SID=abc'],
    ['Cookie: x=abc'],
    ['X: sid=abc'],
  ]) {
    assert.is(visits(rig, ...fields).size, 3, fields.join());
  }
  assert.is(rig.plane.stats().known, 0);
});

test('cookie affinity: a server that is down is not waited for, and gets its clients back', async () => {
  const rig = await rigFor({ cookie: 'sid' });
  tell(rig, 3, 'sid=abc');
  rig.down(3);
  assert.equal(visits(rig, 'Cookie: sid=abc'), new Set(['server1', 'server2']));
  rig.up(3);
  assert.equal(visits(rig, 'Cookie: sid=abc'), new Set(['server3']));
  tell(rig, 1, 'sid=abc');
  assert.equal(visits(rig, 'Cookie: sid=abc'), new Set(['server1']), 'the last one that set it');
});

test('cookie affinity: a rule that names another pool comes first', async () => {
  const rig = await rigFor({ cookie: 'sid' }, { servers: ['server1', 'server2'] });
  tell(rig, 3, 'sid=abc');
  assert.equal(visits(rig, 'Cookie: sid=abc'), new Set(['server1', 'server2']));
});

test('cookie affinity: without the key nobody is brought back, agents are not asked', async () => {
  for (const affinity of [undefined, 'none'] as const) {
    const rig = await rigFor(affinity);
    tell(rig, 3, 'sid=abc');
    assert.is(visits(rig, 'Cookie: sid=abc').size, 3);
    assert.is(rig.last('handoff').cookie, undefined);
  }
});

test.run();
