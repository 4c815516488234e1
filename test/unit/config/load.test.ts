import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig, parseConfig } from '../../../src/config/load.ts';
import { ConfigError } from '../../../src/config/problem.ts';
import { jsonSchema } from '../../../src/config/schema.ts';
import { problemsAfter, problemsOf } from '../../support/config-problems.ts';

const test = suite('config');

const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const SWITCH = `name: switch
roles: [switch]
insecure: true
switch: { key: '${KEY}' }
servers:
  - { name: server1, agent: 10.80.11.2:7080, port: 80 }
pools:
  - { name: default, servers: [server1] }
services:
  - name: web
    vip: [192.0.2.80, '2001:db8:80::80']
    pool: default
    rules:
      - { match: { path: /images/*, header: { accept: 'image/*' } }, pool: default }
`;
const AGENT = `name: server1
roles: [agent]
insecure: true
agent:
  listen: 10.80.11.2:7080
  handoff: [10.81.1.0/24, 'fd81:1::/64']
  service: [10.82.1.0/24, 'fd82:1::/64']
`;

function changed(from: string, to: string, text = SWITCH): string[] {
  return problemsAfter(text, from, to);
}

test('config: defaults fill in what a switch leaves out, addresses are bytes', () => {
  const config = parseConfig(SWITCH, '/etc/baton/baton.yaml');
  assert.is(config.workers, 1);
  assert.is(config.insecure, true);
  assert.is(config.switch?.device, 'baton0');
  assert.is(config.switch?.table, 'keyed');
  assert.is(config.switch?.connections, 65536);
  assert.is(config.switch?.group, 'main');
  assert.equal([...(config.switch?.key.subarray(0, 4) ?? [])], [0, 0x11, 0x22, 0x33]);
  assert.equal(config.servers[0]?.agent, { address: Uint8Array.of(10, 80, 11, 2), port: 7080 });
  assert.is(config.servers[0]?.weight, 1);
  assert.is(config.pools[0]?.policy, 'lard');
  assert.equal(config.services[0]?.vip[0], Uint8Array.of(192, 0, 2, 80));
  assert.is(config.services[0]?.vip[1]?.length, 16);
  assert.is(config.services[0]?.port, 80);
  assert.equal(config.services[0]?.rules[0]?.match.header, { accept: 'image/*' });
  assert.equal(config.timing, {
    agentHandoffTimeoutMs: 800,
    handoffTimeoutMs: 1000,
    lingerMs: 60000,
    pingIntervalMs: 250,
    peerTimeoutMs: 1000,
    leaseMs: 1000,
    idleTimeoutMs: 3600000,
    gatherTimeoutMs: 20000,
    serverWaitMs: 5000,
    drainMs: 5000,
  });
});

test('config: an agent needs neither servers nor services', () => {
  const config = parseConfig(AGENT, 'agent.yaml');
  assert.equal(config.agent?.handoff[0], { network: Uint8Array.of(10, 81, 1, 0), length: 24 });
  assert.is(config.agent?.service[1]?.length, 64);
  assert.equal(config.services, []);
});

test('config: an unknown key names its place and the nearest key', () => {
  assert.equal(changed('    vip: [', '    vpi: ['), [
    'baton.yaml:10:5: services[0]: key "vip" is missing: expected a list of addresses, at least one',
    'baton.yaml:11:5: services[0].vpi: unknown key "vpi"; did you mean "vip"?',
  ]);
  assert.equal(changed('insecure: true', 'insecure: true\ncolour: red'), [
    'baton.yaml:4:1: colour: unknown key "colour"; known are name, roles, workers, engine, admin, tls, ' +
      'insecure, switch, distributor, agent, dispatcher, dispatchers, peers, distributors, servers, ' +
      'pools, services, timing',
  ]);
});

test('config: unknown servers, pools and policies name the nearest', () => {
  assert.equal(changed('servers: [server1]', 'servers: [serverl]'), [
    'baton.yaml:8:32: pools[0].servers[0]: unknown server "serverl"; did you mean "server1"?',
  ]);
  assert.equal(changed('    pool: default', '    pool: defualt'), [
    'baton.yaml:12:11: services[0].pool: unknown pool "defualt"; did you mean "default"?',
  ]);
  assert.equal(changed('servers: [server1] }', 'servers: [server1], policy: least-conections }'), [
    'baton.yaml:8:50: pools[0].policy: expected round-robin, least-connections, two-choices, ' +
      'lard, lard-replicated, lard-cost, cap, maglev, bounded-load, found ' +
      '"least-conections"; did you mean "least-connections"?',
  ]);
  assert.equal(changed("'image/*' } }, pool: default", "'image/*' } }, pool: images"), [
    'baton.yaml:14:76: services[0].rules[0].pool: unknown pool "images"; known are default',
  ]);
});

test('config: several mistakes are told at once, in the order of the file', () => {
  const text = SWITCH.replace('port: 80 }', 'port: 65536, weight: 0 }')
    .replace('name: switch', 'nmae: switch')
    .replace('192.0.2.80', '192.0.2.800');
  const problems = problemsOf(text);
  assert.is(problems.length, 5, problems.join('\n'));
  assert.match(problems[0] ?? '', /^baton.yaml:1:1: key "name" is missing/);
  assert.match(problems[1] ?? '', /^baton.yaml:1:1: nmae: unknown key "nmae"; did you mean "name"/);
  assert.match(
    problems[2] ?? '',
    /6:\d+: servers\[0\].port: expected a port \(1 to 65535\), found/,
  );
  assert.match(problems[3] ?? '', /6:\d+: servers\[0\].weight: expected a weight above 0/);
  assert.match(problems[4] ?? '', /expected a unicast IPv4 or IPv6 address, found "192.0.2.800"/);
});

test('config: ports, weights and numbers out of bounds are refused', () => {
  for (const port of ['0', '65536', '80a', '-1', '1.5', '""', 'null', '.nan']) {
    assert.is(changed('port: 80 }', `port: ${port} }`).length, 1, port);
  }
  for (const weight of ['0', '-1', '.nan', '1e400', '.inf', '"1"']) {
    assert.is(changed('port: 80 }', `port: 80, weight: ${weight} }`).length, 1, weight);
  }
  for (const count of ['0', '15', '-5', '1.5', '4294967296']) {
    assert.is(changed('switch: {', `switch: { connections: ${count},`).length, 1, count);
  }
});

test('config: a cookie key that is not 64 hex digits is refused with the mend', () => {
  assert.match(changed(KEY, KEY.slice(1))[0] ?? '', /64 hex digits .*openssl rand -hex 32/);
  assert.match(changed(KEY, `${KEY.slice(1)}g`)[0] ?? '', /64 hex digits/);
});

test('config: what must differ differs', () => {
  const second = '  - { name: server1, agent: 10.80.11.2:7080, port: 81 }\npools:';
  assert.equal(changed('pools:', second), [
    'baton.yaml:7:13: servers[1].name: server "server1" stands here twice',
    'baton.yaml:7:29: servers[1].agent: agent 10.80.11.2:7080 stands here twice',
  ]);
  const twice = '  - { name: other, vip: [192.0.2.80], pool: default }\n';
  assert.equal(problemsOf(SWITCH + twice), [
    'baton.yaml:15:26: services[1].vip[0]: 192.0.2.80:80 stands here twice',
  ]);
  const mapped = "'2001:DB8:80:0::80'";
  assert.is(problemsOf(SWITCH + twice.replace('192.0.2.80', mapped)).length, 1);
});

test('config: prefixes have no host bits, go together and do not overlap', () => {
  const hostBits = changed('10.81.1.0/24', '10.81.1.1/24', AGENT);
  assert.is(hostBits.length, 1, 'nothing that follows from it');
  assert.match(hostBits[0] ?? '', /without host bits, found/);
  assert.match(changed('10.81.1.0/24', '10.81.1.0/33', AGENT)[0] ?? '', /a prefix such as/);
  assert.match(changed('10.82.1.0/24', '10.81.0.0/16', AGENT)[0] ?? '', /overlaps the handoff/);
  assert.match(changed(", 'fd82:1::/64'", '', AGENT)[0] ?? '', /agent.service has no IPv6 prefix/);
  assert.match(changed("'fd81:1::/64'", '10.90.0.0/16', AGENT)[0] ?? '', /an IPv4 prefix stands/);
  assert.match(changed('10.80.11.2:7080', '10.81.1.7:7080', AGENT)[0] ?? '', /an address of the h/);
});

test('config: roles and sections belong together', () => {
  assert.equal(changed('roles: [switch]', 'roles: [switch, agent]'), [
    'baton.yaml:1:1: role agent needs the section "agent:"',
  ]);
  assert.equal(changed('insecure: true\n', ''), [
    'baton.yaml:1:1: key "tls" is missing: expected ca, cert and key files, or insecure: true ' +
      'for trials',
  ]);
  assert.match(changed('roles: [agent]', 'roles: [agnet]', AGENT).join(), /did you mean "agent"/);
  assert.match(changed('servers:\n', 'servers: []\nold:\n')[0] ?? '', /at least one of "servers"/);
});

test('config: thresholds and deadlines are in order', () => {
  const swapped = changed('servers: [server1] }', 'servers: [server1], tLow: 65, tHigh: 25 }');
  assert.match(swapped[0] ?? '', /expected tLow below tHigh, found 65 and 25/);
  const cap = changed('servers: [server1] }', 'servers: [server1], policy: cap }');
  assert.match(cap[0] ?? '', /expected classes beside policy cap/);
  const costs = changed('servers: [server1] }', 'servers: [server1], costs: { idle: 200 } }');
  assert.match(costs[0] ?? '', /expected costs of idle below overload, found 200 and 130/);
  const late = problemsOf(`${SWITCH}timing: { agentHandoffTimeoutMs: 1000 }\n`);
  assert.match(
    late[0] ?? '',
    /15:34: timing.agentHandoffTimeoutMs: expected agentHandoffTimeoutMs b/,
  );
});

test('config: what is not YAML says where', () => {
  assert.match(problemsOf('name: [a\nroles: b')[0] ?? '', /^baton.yaml:\d+:\d+: not YAML: /);
  assert.match(problemsOf('name: a\nname: b')[0] ?? '', /^baton.yaml:2:1: not YAML: .*unique/);
  assert.match(problemsOf('')[0] ?? '', /^baton.yaml:1:1: expected keys and values, found nothing/);
  assert.match(problemsOf('- a')[0] ?? '', /^baton.yaml:1:1: expected keys and values, found a li/);
});

test('config: a file that is missing is told in one line', () => {
  assert.throws(
    () => loadConfig('/nowhere/baton.yaml'),
    /^.?.?.?\/nowhere\/baton.yaml: no such file/,
  );
});

test('config: missing and wrong files of tls are told', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-config-'));
  try {
    writeFileSync(join(folder, 'ca.pem'), 'no certificate\n');
    const tls = 'tls: { ca: ca.pem, cert: switch.pem, key: switch.key }';
    const file = join(folder, 'baton.yaml');
    writeFileSync(file, SWITCH.replace('insecure: true', tls));
    let problems: string[] = [];
    try {
      loadConfig(file);
    } catch (error) {
      problems = (error as ConfigError).problems;
    }
    assert.is(problems.length, 3);
    assert.match(
      problems[0] ?? '',
      /3:\d+: tls.ca: expected a certificate in PEM, found something/,
    );
    assert.match(
      problems[1] ?? '',
      /3:\d+: tls.cert: .* found no file .*switch.pem \(baton keygen/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('config: any YAML data gives a config or problems, never another error', () => {
  const values = ['null', '[]', '{}', '5', 'text', '[null]', '[{}]', '[[1]]', '{ a: {} }'];
  const keys = 'name roles switch agent servers pools services timing tls insecure admin'.split(
    ' ',
  );
  for (const key of keys) {
    for (const value of values) {
      const rest = SWITCH.replace(new RegExp(`^${key}:.*\\n((  .*\\n)*)`, 'm'), '');
      assert.type(problemsOf(`${rest}${key}: ${value}\n`).length, 'number');
    }
  }
});

test('config: the JSON Schema is strict and knows the sections', () => {
  const schema = jsonSchema() as { properties: object; additionalProperties: boolean };
  assert.is(schema.additionalProperties, false);
  assert.ok('services' in schema.properties);
});

test('config: a switch that is a server needs the agent too, with a TUN of its own', () => {
  assert.equal(changed('name: switch', 'name: server1'), [
    'baton.yaml:6:13: servers[0].name: is this host: add agent to its roles',
  ]);
  const section = AGENT.slice(AGENT.indexOf('agent:'));
  const both = SWITCH.replace('name: switch', 'name: server1').replace(
    '[switch]',
    '[switch, agent]',
  );
  const problems = problemsOf(both + section);
  assert.is(problems.length, 1);
  assert.match(problems[0]!, /agent.device: expected another device .* found baton0 for both/);
  assert.equal(problemsOf(`${both}${section}  device: baton1\n`), []);
});

test('config: rules of a TLS service look at SNI and ALPN, those of HTTP at the request', () => {
  const tls = SWITCH.replace('    pool: default', '    protocol: tls\n    pool: default').replace(
    "path: /images/*, header: { accept: 'image/*' }",
    "sni: '*.example', alpn: h2",
  );
  const [service] = parseConfig(tls, 'baton.yaml').services;
  assert.equal(service!.rules[0]!.match, { sni: '*.example', alpn: 'h2' });
  assert.equal(problemsOf(tls.replace('sni:', 'host:')), [
    'baton.yaml:15:20: services[0].rules[0].match.host: ' +
      'a service of protocol tls has only sni, alpn to look at',
  ]);
  assert.match(
    problemsOf(SWITCH.replace('path: /images/*', 'sni: a'))[0]!,
    'a service of protocol http has only host, path, method, header, cookie, query to look at',
  );
  assert.match(problemsOf(tls.replace('protocol: tls', 'protocol: tsl'))[0]!, 'did you mean "tls"');
});

test.run();
