import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAddress, formatPrefix } from '../../../src/config/address.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { splicingPart } from '../../../src/config/splicing.ts';
import { restartProblems } from '../../../src/config/difference.ts';
import { problemsOf } from '../../support/config-problems.ts';

const test = suite('splices');

const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const FILE = `name: switch
insecure: true
roles: [switch]
switch:
  key: '${KEY}'
  splice: { source: [10.83.1.0/24, 'fd83:1::/64'] }
servers:
  - { name: server1, agent: 10.80.11.2:7080, port: 80 }
  - { name: server2, address: 10.80.12.2, port: 8080, splice: true }
  - { name: server3, address: [10.80.13.2, 'fd80:13::2'], port: 80, splice: { proxy: v2 } }
pools:
  - { name: default, servers: [server1, server2, server3] }
services:
  - { name: web, vip: [192.0.2.80], pool: default }
`;

function refused(from: string, to: string): string {
  assert.ok(FILE.includes(from), from);
  return problemsOf(FILE.replace(from, to)).join('\n');
}

test('splices: one part of the host is for all servers without an agent', () => {
  const config = parseConfig(FILE, 'baton.yaml');
  const part = splicingPart(config.switch!.splice!, config);
  assert.is(part.device, 'splice0');
  const clients = part.splice.addresses.map(formatPrefix);
  assert.equal(clients, ['10.83.1.0/25', 'fd83:1::/65']);
  assert.equal(part.handoff.map(formatPrefix), ['10.83.1.128/25', 'fd83:1:0:0:8000::/65']);
  const servers = [...part.splice.servers].map(([name, { addresses, proxy }]) => {
    return [name, addresses.map(formatAddress), proxy];
  });
  assert.equal(servers, [
    ['server2', ['10.80.12.2'], false],
    ['server3', ['10.80.13.2', 'fd80:13::2'], true],
  ]);
});

test('splices: a host that names no source has no such part', () => {
  const without = FILE.replace(/ {2}splice: .*\n/, '').replace(/.*splice: .*\n/g, '');
  const config = parseConfig(without.replace(', server2, server3', ''), 'baton.yaml');
  assert.is(config.switch!.splice, undefined);
});

test('splices: what is missing or contradicts is said', () => {
  const cases = [
    [
      '  splice: { source: [10.83.1.0/24',
      '  mtu: 1500 #',
      'needs "splice:" in the section "switch:"',
    ],
    ["{ source: [10.83.1.0/24, 'fd83:1::/64'] }", '{ source: [10.83.1.0/24] }', 'no IPv6 prefix'],
    ['10.83.1.0/24', '10.83.1.0/30', 'a prefix length of 8 to 29'],
    [
      "'fd83:1::/64'] }",
      "'fd83:1::/64'], device: baton0 }",
      'another device than that of the switch',
    ],
    ["'fd83:1::/64'] }", "'fd83:1::/64'], connections: 4194304 }", 'connections says more'],
    ['agent: 10.80.11.2:7080', 'agent: 10.80.11.2:7080, splice: true', 'contradicts "agent"'],
    ['agent: 10.80.11.2:7080, ', '', 'key "agent" is missing'],
    ['address: 10.80.12.2, ', '', 'key "address" is missing'],
    ["[10.80.13.2, 'fd80:13::2']", '[10.80.13.2, 10.80.13.3]', 'an IPv4 address stands here twice'],
    ['proxy: v2', 'proxy: v1', 'v2'],
    [
      'pool: default }',
      'pool: default, protocol: tcp }',
      'expected "on: ack" beside it: server server3',
    ],
  ] as const;
  for (const [from, to, says] of cases) {
    const found = refused(from, to);
    assert.ok(found.includes(says), `${to}: ${found || 'accepted'}`);
  }
});

test('splices: whether a server has an agent cannot change while baton runs', () => {
  const running = parseConfig(FILE, 'baton.yaml');
  const agent = FILE.replace(
    'address: 10.80.12.2, port: 8080, splice: true',
    'agent: 10.80.12.2:7080, port: 80',
  );
  const problems = restartProblems(running, parseConfig(agent, 'baton.yaml'));
  assert.match(problems.map(({ text }) => text).join(), /use another name/);
  const gone = FILE.replace(/.*name: server2.*\n/, '').replace('server2, ', '');
  assert.equal(restartProblems(running, parseConfig(gone, 'baton.yaml')), []);
});

test.run();
