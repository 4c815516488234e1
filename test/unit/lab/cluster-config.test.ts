import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeKeys } from '../../../src/channel/keygen.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { writeConfigurations } from '../../../src/lab/cluster-config.ts';
import { overlay } from '../../../src/lab/section.ts';
import { planTopology } from '../../../src/lab/topology.ts';

const test = suite('lab configuration');
const folder = mkdtempSync(join(tmpdir(), 'baton-config-'));
const topology = planTopology(2);
const OPTIONS = { workers: 2 };

test.before(async () => {
  await writeKeys(join(folder, 'keys'), ['switch', 'switch2', 'server1', 'server2']);
});
test.after(() => rmSync(folder, { recursive: true }));

test('lab configuration: every file that it writes is accepted', () => {
  writeConfigurations(folder, topology, OPTIONS);
  const config = loadConfig(join(folder, 'switch.yaml'));
  assert.equal(
    config.servers.map((server) => server.name),
    ['server1', 'server2'],
  );
  assert.is(config.workers, 2);
  for (const { name } of topology.servers) {
    const agent = loadConfig(join(folder, `${name}.yaml`));
    assert.equal(agent.roles, ['agent']);
    assert.is(agent.tls!.cert, join(folder, 'keys', `${name}.pem`));
  }
});

test('lab configuration: a file is laid over pools, services and timing, not over what the lab needs', () => {
  const file = join(folder, 'mine.yaml');
  const pools = '[{ name: default, servers: [server2], policy: round-robin }]';
  writeFileSync(file, `name: other\npools: ${pools}\ntiming: { lingerMs: 2000 }\n`);
  writeConfigurations(folder, topology, { ...OPTIONS, config: file });
  const config = loadConfig(join(folder, 'switch.yaml'));
  assert.is(config.name, 'switch');
  assert.equal(config.pools[0]!.servers, ['server2']);
  assert.is(config.timing.lingerMs, 2000);
  assert.is(loadConfig(join(folder, 'server1.yaml')).timing.lingerMs, 2000);
});

for (const front of ['spare', 'ecmp'] as const) {
  test(`lab configuration: switches of one group (${front}) reach each other and have one key`, () => {
    const group = planTopology(1, 2, { front });
    writeConfigurations(folder, group, OPTIONS);
    const [first, second] = ['switch', 'switch2'].map((name) =>
      loadConfig(join(folder, `${name}.yaml`)),
    );
    assert.equal(first!.peers, [{ name: 'switch2', control: second!.switch!.listen }]);
    assert.equal(second!.peers, [{ name: 'switch', control: first!.switch!.listen }]);
    assert.equal(first!.switch!.key, second!.switch!.key);
    assert.is(first!.switch!.group, second!.switch!.group);
  });
}

test('lab configuration: switches apart, and those in front of distributors, name no peers', () => {
  for (const [front, placement] of [
    ['apart', 'single'],
    ['spare', 'co-located'],
  ] as const) {
    writeConfigurations(folder, planTopology(1, 2, { front }), { ...OPTIONS, placement });
    assert.is(loadConfig(join(folder, 'switch2.yaml')).peers, undefined);
  }
});

test('lab configuration: a file that is no mapping is refused by name', () => {
  const file = join(folder, 'list.yaml');
  writeFileSync(file, '- a\n');
  assert.throws(() => writeConfigurations(folder, topology, { ...OPTIONS, config: file }), file);
});

test('lab configuration: overlay merges mappings and replaces everything else', () => {
  const below = { a: { b: 1, c: [1, 2] }, d: 4 };
  assert.equal(overlay(below, { a: { c: [3] }, d: { e: 5 } }), {
    a: { b: 1, c: [3] },
    d: { e: 5 },
  });
  assert.equal(below, { a: { b: 1, c: [1, 2] }, d: 4 });
});

test.run();
