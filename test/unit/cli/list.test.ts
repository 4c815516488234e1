import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PeerView } from '../../../src/admin/peers.ts';
import { AdminServer } from '../../../src/admin/server.ts';
import type { ServiceView } from '../../../src/admin/services.ts';
import { listCommand } from '../../../src/cli/inspect.ts';

const list = suite('list');
let folder = '';
list.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-list-'));
});
list.after(() => rmSync(folder, { recursive: true }));

const POOL = { name: 'default', policy: 'lard', servers: [] };
const SERVICE = { name: 'web', vips: ['192.0.2.80:80'], pool: 'default', pools: [POOL] };
const PEER = { name: 'switch', group: 'main', up: true, active: 3, inactive: 12 };

async function listed(services: ServiceView[], peers: PeerView[]): Promise<string> {
  const path = join(folder, 'admin.sock');
  const server = new AdminServer(path, { '/services': () => services, '/peers': () => peers });
  await server.start();
  try {
    return await listCommand({ admin: path });
  } finally {
    await server.stop();
  }
}

list('a switch has services, and no word of peers', async () => {
  const text = await listed([SERVICE], []);
  assert.match(text, /^Prot +LocalAddress:Port +Scheduler +Flags\n/);
  assert.not.match(text, /Switch/);
});

list('an agent has the switches that give it connections, up or down', async () => {
  const heading = /^Switch +Group +Channel +ActiveConn +InActConn\n/;
  assert.match(await listed([], []), heading);
  const text = await listed([], [PEER, { ...PEER, name: 'spare', up: false }]);
  assert.match(text, heading);
  assert.match(text, /\nswitch +main +up +3 +12\nspare +main +down +3 +12\n$/);
});

list('a host with both roles has both', async () => {
  assert.match(await listed([SERVICE], [PEER]), /^Prot [^]*\n\nSwitch [^]*\nswitch +main +up /);
});

list.run();
