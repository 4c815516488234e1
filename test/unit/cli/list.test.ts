import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PeerView } from '../../../src/admin/peers.ts';
import { AdminServer } from '../../../src/admin/server.ts';
import { stateOf } from '../../../src/admin/services.ts';
import type { ServerView, ServiceView } from '../../../src/admin/services.ts';
import { formatServices, listCommand } from '../../../src/cli/inspect.ts';
import { formatServers } from '../../../src/cli/servers.ts';

const list = suite('list');
let folder = '';
list.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-list-'));
});
list.after(() => rmSync(folder, { recursive: true }));

const POOL = { name: 'default', policy: 'lard', servers: [] };
const SERVICE = { name: 'web', vips: ['192.0.2.80:80'], pool: 'default', pools: [POOL] };
const PEER = { name: 'switch', group: 'main', up: true, active: 3, inactive: 12 };

const SERVER = {
  name: 's1',
  agent: '10.80.11.2:7080',
  port: 80,
  weight: 1,
  up: true,
  mode: 'ready' as const,
  unhealthyIn: [] as string[],
  heldOff: false,
  limit: null,
  handoffs: 0,
  ready: 0,
  failed: 2,
} satisfies Partial<ServerView>;

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

list('a switch: it has the columns of ipvsadm', () => {
  const text = formatServices([
    {
      name: 'web',
      vips: ['192.0.2.80:80'],
      pool: 'default',
      pools: [
        { name: 'default', policy: 'lard', servers: [{ ...SERVER, active: 3, inactive: 10 }] },
        {
          name: 'images',
          policy: 'lard',
          servers: [{ ...SERVER, up: false, active: 0, inactive: 0 }],
        },
      ],
    },
  ]);
  assert.equal(text.split('\n'), [
    'Prot  LocalAddress:Port   Scheduler  Flags',
    '  ->  RemoteAddress:Port  Forward    Weight           ActiveConn  InActConn  Server',
    'TCP   192.0.2.80:80       lard       web',
    '  ->  10.80.11.2:80       Handoff    1                3           10         s1',
    'TCP   192.0.2.80:80       lard       web pool=images',
    '  ->  10.80.11.2:80       Handoff    1                0           0          s1 (down)',
    '',
  ]);
});

list('servers: each with the one word that says why it gets no new connection', () => {
  const one = {
    ...SERVER,
    unhealthyIn: ['images'],
    active: 3,
    inactive: 1,
    pools: ['default', 'images'],
    waiting: null,
  };
  const text = formatServers([
    { ...one, state: stateOf(one) },
    { ...one, name: 'server10', active: 12, state: 'drain' },
  ]);
  assert.equal(text.split('\n'), [
    'Server    Agent            Port  Weight  State      ActiveConn  Failed  Pools',
    's1        10.80.11.2:7080    80       1  unhealthy           3       2  default images',
    'server10  10.80.11.2:7080    80       1  drain              12       2  default images',
    '',
  ]);
  const states = [{}, { heldOff: true }, { up: false }, { up: false, mode: 'maint' as const }];
  assert.equal(
    states.map((state) => stateOf({ ...SERVER, ...state, unhealthyIn: [], active: 0 })),
    ['up', 'unhealthy', 'down', 'maint'],
  );
});

list('servers: where there are limits and queues, how full they are', () => {
  const one = { ...SERVER, active: 3, inactive: 1, pools: ['default'], state: 'up' as const };
  const text = formatServers([
    { ...one, limit: 10, waiting: 0 },
    { ...one, name: 's2', pools: ['other'], waiting: null },
  ]);
  assert.equal(text.split('\n'), [
    'Server  Agent            Port  Weight  State  ActiveConn  Waiting  Failed  Pools',
    's1      10.80.11.2:7080    80       1  up           3/10        0       2  default',
    's2      10.80.11.2:7080    80       1  up              3                2  other',
    '',
  ]);
});

list.run();
