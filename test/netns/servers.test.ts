// Servers are drained, added, removed and found ill while clients go on.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withLab, type TestLab } from '../support/lab.ts';
import { baton, clients, standing } from '../support/server-commands.ts';

const test = suite('servers of a running switch');
const CONFIG = `pools:
  - name: default
    servers: [server1, server2]
    policy: round-robin
    health: { check: { http: { path: /up } }, intervalMs: 100, rise: 2, fall: 2 }
`;

async function until(lab: TestLab, name: string, state: string): Promise<void> {
  for (let round = 0; round < 100; round += 1) {
    if ((await standing(lab, name)).state === state) return;
    await sleep(50);
  }
  throw new Error(`${name} does not become ${state}`);
}

test('servers: one is added, one drained and removed, one is ill for a while: no request fails', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-servers-'));
  const config = join(folder, 'pools.yaml');
  writeFileSync(config, CONFIG);
  return withLab({ servers: 3, spares: 1, config }, async (lab) => {
    const live = clients(lab, 'live', 5, 8);
    const kept = clients(lab, 'kept', 10, 5);
    await sleep(500);
    assert.is((await baton(lab, 'servers', 'add', 'server3', '10.80.13.2:7080')).status, 0);
    await until(lab, 'server3', 'up');
    const drained = await baton(lab, 'servers', 'drain', 'server1', '--timeout', '20');
    assert.equal(drained, { status: 0, output: 'server1 is empty\n' });
    assert.is((await baton(lab, 'servers', 'remove', 'server1')).status, 0);
    process.kill(lab.hosts['server2']!.programs['web']!, 'SIGSTOP');
    await until(lab, 'server2', 'unhealthy');
    process.kill(lab.hosts['server2']!.programs['web']!, 'SIGCONT');
    await until(lab, 'server2', 'up');
    const ended = [await live, await kept];
    assert.equal(
      ended.flatMap(({ failed }) => failed),
      [],
    );
    assert.ok((await standing(lab, 'server3')).handoffs > 5);
    assert.match(lab.file('switch.log'), /health: server2 does not work \(no answer in time\)/);
  }).finally(() => rmSync(folder, { recursive: true }));
});

test.run();
