// A host that is switch and server at once: its own connections never leave it, the others are handed over.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, stringify } from 'yaml';
import type { StatsView } from '../../src/admin/views.ts';
import { send } from '../../src/lab/send.ts';
import { VIP4, VIP6 } from '../../src/lab/topology.ts';
import { withLab, type TestLab } from '../support/lab.ts';

const test = suite('both roles');
const HOST = 'server1';

interface Written {
  [part: string]: unknown;
  switch: object;
}

/** Server 1 becomes the switch too, and gets what the router has for the VIP. */
async function moveSwitch(lab: TestLab): Promise<void> {
  for (const host of ['switch', HOST]) process.kill(lab.hosts[host]!.programs['baton']!, 'SIGTERM');
  const read = (host: string) =>
    parse(readFileSync(join(lab.directory, `${host}.yaml`), 'utf8')) as Written;
  const { servers, pools, services, switch: section } = read('switch');
  const both = {
    ...read(HOST),
    roles: ['switch', 'agent'],
    switch: { ...section, device: 'baton1' },
    servers,
    pools,
    services,
  };
  writeFileSync(join(lab.directory, `${HOST}.yaml`), stringify(both));
  const { address, address6 } = lab.topology.servers[0]!;
  await lab.run('router', ['ip', 'route', 'replace', VIP4, 'via', address]);
  await lab.run('router', ['ip', '-6', 'route', 'replace', VIP6, 'via', address6]);
  await lab.startBaton(HOST);
}

test('both roles: a host serves its own connections and hands others over, in one process', () =>
  withLab({ servers: 2, policy: 'round-robin' }, async (lab) => {
    await moveSwitch(lab);
    const targets = ['/a', '/b', '/c', '/d'];
    for (const address of [VIP4, VIP6]) {
      const results = await send(lab, { address, targets });
      const named = results.map(({ text }) => /server=(.*?);/.exec(text)?.[1]);
      assert.equal(named.toSorted(), ['server1', 'server1', 'server2', 'server2']);
      for (const { text, local } of results) assert.is(/peer=(.*?);/.exec(text)?.[1], local);
    }
    const { parts } = await lab.admin<StatsView>(HOST, '/stats');
    assert.equal(
      parts.map(({ role, faults }) => ({ role, faults })),
      [
        { role: 'agent', faults: 0 },
        { role: 'switch', faults: 0 },
      ],
    );
    const { stdout } = await lab.run(HOST, [
      'ss',
      '-Htn',
      'state',
      'established',
      '( sport = 7080 )',
    ]);
    assert.is(stdout, '', 'its own agent was not dialed');
  }));

test.run();
