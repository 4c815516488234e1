import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/config/load.ts';
import { problemsAfter, problemsOf } from '../../support/config-problems.ts';

const test = suite('roles');

const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const READS = `servers:
  - { name: server1, agent: 10.80.11.2:7080, port: 80 }
pools:
  - { name: default, servers: [server1] }
services:
  - { name: web, vip: [192.0.2.80], pool: default }
`;
const SWITCH = `name: switch
insecure: true
switch: { key: '${KEY}' }
roles: [switch]
`;
const FRONT = `${SWITCH}distributors:
  - { name: server1, control: 10.80.11.2:7080 }
  - { name: server2, control: 10.80.12.2:7080, weight: 2 }
services:
  - { name: web, vip: [192.0.2.80] }
`;
const BESIDE = `name: server1
insecure: true
roles: [distributor, dispatcher, agent]
distributor: { key: '${KEY}', addresses: [10.81.1.128/25] }
agent: { listen: 10.80.11.2:7080, handoff: [10.81.1.0/25], service: [10.82.1.0/24] }
${READS}`;

test('roles: a switch alone is also its distributor and dispatcher', () => {
  for (const roles of ['[switch]', '[switch, distributor, dispatcher]', '[switch, distributor]']) {
    const config = parseConfig(SWITCH.replace('[switch]', roles) + READS, 'baton.yaml');
    assert.not.ok(config.inFront);
    assert.is(config.switch?.device, 'baton0');
  }
});

test('roles: a switch in front of distributors gives each SYN to the least loaded', () => {
  const config = parseConfig(FRONT, 'baton.yaml');
  assert.ok(config.inFront);
  assert.equal(
    config.servers.map(({ name, weight, agent }) => [name, weight, agent.port]),
    [
      ['server1', 1, 7080],
      ['server2', 2, 7080],
    ],
  );
  assert.is(config.pools[0]?.policy, 'least-connections');
  assert.is(config.services[0]?.protocol, 'tcp');
});

test('roles: a distributor has its settings in a section of its own', () => {
  const config = parseConfig(BESIDE, 'baton.yaml');
  assert.not.ok(config.inFront);
  assert.is(config.switch?.device, 'baton1');
  assert.is(config.switch?.addresses?.[0]?.length, 25);
});

function refused(refusals: [string[], string][]): void {
  for (const [found, expected] of refusals) {
    assert.ok(
      found.some((line) => line.includes(expected)),
      `${expected}\n${found.join('\n')}`,
    );
  }
}

test('roles: what does not go together is refused with its place', () => {
  const refusals: [string[], string][] = [
    [
      problemsAfter(BESIDE, '[distributor, dispatcher, agent]', '[distributor]'),
      'baton.yaml:3:8: roles: expected role agent beside role distributor',
    ],
    [
      problemsAfter(BESIDE, '[distributor, dispatcher, agent]', '[dispatcher, agent]'),
      'baton.yaml:3:8: roles: expected role distributor beside role dispatcher',
    ],
    [
      problemsAfter(BESIDE, 'distributor: {', 'switch: {'),
      'baton.yaml:1:1: role distributor needs the section "distributor:"',
    ],
    [
      problemsAfter(BESIDE, ', addresses: [10.81.1.128/25]', ''),
      'baton.yaml:4:1: distributor: key "addresses" is missing',
    ],
    [
      problemsAfter(BESIDE, '10.81.1.128/25', '10.81.1.64/26'),
      'baton.yaml:4:101: distributor.addresses[0]: overlaps the agent',
    ],
    [
      problemsAfter(BESIDE, 'distributor: {', 'distributor: { device: baton0,'),
      'agent.device: expected another device than that of the distributor',
    ],
  ];
  refused(refusals);
});

test('roles: what a switch in front has no use for is refused with its place', () => {
  refused([
    [
      problemsAfter(FRONT, '[switch]', '[switch, agent]'),
      'baton.yaml:5:1: distributors: a switch in front of distributors reads nothing itself',
    ],
    [
      problemsAfter(
        FRONT,
        'services:',
        `pools: [{ name: default, servers: [server1] }]\nservices:`,
      ),
      'baton.yaml:8:1: pools: a switch in front of distributors has no use for it',
    ],
    [
      problemsAfter(FRONT, '[192.0.2.80] }', '[192.0.2.80], pool: default }'),
      'baton.yaml:9:37: services[0].pool: a switch in front of distributors has no use for it',
    ],
    [
      problemsAfter(FRONT, '10.80.12.2:7080', '10.80.11.2:7080'),
      'baton.yaml:7:31: distributors[1].control: host 10.80.11.2:7080 stands here twice',
    ],
    [
      problemsAfter(FRONT, 'server2', 'server1'),
      'baton.yaml:7:13: distributors[1].name: distributor "server1" stands here twice',
    ],
    [
      problemsAfter(SWITCH + READS, ', pool: default', ''),
      'services[0]: key "pool" is missing: expected the name of the pool',
    ],
    [problemsOf(SWITCH), 'role switch needs at least one of "servers", or "distributors"'],
  ]);
});

test('roles: switches of one group that do not go together are refused with their place', () => {
  const peer = 'peers: [{ name: switch2, control: 10.80.2.3:7082 }]\n';
  const alone = SWITCH + READS;
  const group = alone.replace('switch: {', 'switch: { listen: 10.80.2.2:7082,') + peer;
  assert.equal(problemsOf(group), []);
  const service = ', pool: default';
  refused([
    [problemsOf(alone + peer), 'peers: expected switch.listen beside it'],
    [
      problemsAfter(group, 'name: switch2', 'name: server1'),
      'peers[0].name: expected another switch, "server1" is a server or this host',
    ],
    [
      problemsAfter(group, service, `${service}, requests: per-request`),
      'services[0].requests: expected per-connection beside "peers"',
    ],
    [
      problemsAfter(group, service, `${service}, protocol: tcp, on: syn`),
      'services[0].on: expected ack beside "peers"',
    ],
  ]);
});

const DISPATCHER = `name: dispatcher
insecure: true
roles: [dispatcher]
dispatcher: { listen: 10.80.9.2:7081 }
${READS.slice(0, READS.indexOf('services'))}`;
const ASKING = `${SWITCH}dispatchers:
  - { name: dispatcher, control: 10.80.9.2:7081 }
  - { name: dispatcher2, control: 10.80.10.2:7081 }
${READS}`;

test('roles: a dispatcher on a host of its own, and who asks it', () => {
  const dispatcher = parseConfig(DISPATCHER, 'baton.yaml');
  assert.is(dispatcher.dispatcher?.listen.port, 7081);
  assert.is(dispatcher.switch, undefined);
  assert.is(dispatcher.pools[0]?.policy, 'lard');
  const asking = parseConfig(ASKING, 'baton.yaml');
  assert.equal(
    asking.dispatchers?.map(({ name }) => name),
    ['dispatcher', 'dispatcher2'],
  );
  assert.is(asking.dispatcher, undefined);
  assert.is(parseConfig(SWITCH + READS, 'baton.yaml').dispatchers, undefined);
});

test('roles: a dispatcher that cannot work, or cannot be asked, is refused with its place', () => {
  const pools = DISPATCHER.slice(DISPATCHER.indexOf('pools'));
  refused([
    [
      problemsAfter(DISPATCHER, '[dispatcher]', '[dispatcher, agent]'),
      'baton.yaml:3:8: roles: expected role dispatcher alone',
    ],
    [problemsAfter(DISPATCHER, '[dispatcher]', '[agent]'), 'baton.yaml:4:1: dispatcher: section'],
    [problemsAfter(DISPATCHER, pools, ''), 'role dispatcher needs at least one of "pools"'],
    [
      problemsOf(DISPATCHER + READS.slice(READS.indexOf('services'))),
      'services: only a host with role switch or distributor has use for it',
    ],
    [
      problemsAfter(ASKING, 'name: dispatcher2', 'name: dispatcher'),
      'baton.yaml:7:13: dispatchers[1].name: dispatcher "dispatcher" stands here twice',
    ],
    [
      problemsAfter(ASKING, 'name: dispatcher2', 'name: server1'),
      'baton.yaml:7:13: dispatchers[1].name: expected a host of its own',
    ],
    [
      problemsAfter(
        FRONT,
        'services:',
        'dispatchers: [{ name: x, control: 10.1.1.1:1 }]\nservices:',
      ),
      'baton.yaml:8:1: dispatchers: only a host that reads requests has use for it',
    ],
  ]);
});

test.run();
