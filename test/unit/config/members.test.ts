import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeChange, differences } from '../../../src/config/difference.ts';
import { parseConfig } from '../../../src/config/load.ts';
import {
  checkRemoval,
  isNamed,
  readMember,
  withMembers,
  withoutServer,
} from '../../../src/config/members.ts';
import { ConfigError } from '../../../src/config/problem.ts';

const test = suite('members');
const FILE = `name: switch
roles: [switch]
insecure: true
switch: { key: '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff' }
servers:
  - { name: server1, agent: 10.80.11.2:7080, port: 8080 }
  - { name: server2, agent: 10.80.12.2:7080, port: 8080 }
pools:
  - { name: default, servers: [server1, server2] }
  - { name: images, servers: [server2] }
services: [{ name: web, vip: [192.0.2.80], pool: default }]
`;
const running = parseConfig(FILE, 'baton.yaml');
const WANTED = { name: 'server3', agent: '10.80.13.2:7080', port: undefined, weight: undefined };

function refusal(work: () => unknown): string[] {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test('members: an added server is one of its pools, with the port of the others there', () => {
  const member = readMember({ ...WANTED, weight: 2, pools: ['default'] }, running);
  const next = withMembers(running, [member]);
  assert.equal(differences(running, next).map(describeChange), [
    '+ servers[server3].name: server3',
    '+ servers[server3].agent: 10.80.13.2:7080',
    '+ servers[server3].port: 8080',
    '+ servers[server3].weight: 2',
    '~ pools[default].servers: [server1, server2] -> [server1, server2, server3]',
  ]);
  assert.equal(withoutServer(next, 'server3'), running);
});

test('members: what cannot be is refused in the words of the configuration', () => {
  const pools = ['default'];
  const add = (wanted: Partial<Parameters<typeof readMember>[0]>) =>
    refusal(() => readMember({ ...WANTED, pools, ...wanted }, running));
  assert.equal(add({}), []);
  assert.equal(add({ pools: [] }), ['expected a pool of default, images']);
  assert.equal(add({ pools: ['image'] }), ['unknown pool "image"; did you mean "images"?']);
  assert.equal(add({ name: 'server1' }), [
    'server1 is there already, its agent is 10.80.11.2:7080',
  ]);
  assert.equal(add({ agent: '10.80.12.2:7080' }), [
    'server2 is there already, its agent is 10.80.12.2:7080',
  ]);
  assert.match(add({ agent: '10.80.13.2' }).join(), /^agent: expected address:port/);
  assert.match(add({ port: 0 }).join(), /^port: expected a port \(1 to 65535\)/);
  assert.match(add({ weight: -1 }).join(), /^weight: expected a weight above 0/);
  assert.match(add({ weight: 0 }).join(), /^weight: expected a weight above 0/);
  assert.match(add({ port: Number.NaN }).join(), /^port: expected a port/);
});

test('members: the last server of a pool and one that is not there cannot be removed', () => {
  assert.equal(
    refusal(() => checkRemoval(running, 'server1')),
    [],
  );
  assert.equal(
    refusal(() => checkRemoval(running, 'server2')),
    ['server2 is the only server of pool images: add another one first'],
  );
  assert.equal(
    refusal(() => checkRemoval(running, 'server4')),
    ['unknown server "server4"; did you mean "server1"?'],
  );
});

test('members: a file that names the server, or its address, decides', () => {
  const member = readMember({ ...WANTED, pools: ['default'] }, running);
  assert.not(isNamed(running, member));
  const named = (from: string, to: string) => {
    return isNamed(parseConfig(FILE.replaceAll(from, to), 'baton.yaml'), member);
  };
  assert.ok(named('server2', 'server3'));
  assert.ok(named('10.80.12.2', '10.80.13.2'));
});

test.run();
