import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { planTopology } from '../../src/lab/topology.ts';
import { killProgram } from '../../src/lab/strikes.ts';
import { streamBytes } from '../../src/lab/byte-stream.ts';
import { canLoadBpf } from '../support/rights.ts';
import { withLab, type TestLab } from '../support/lab.ts';
import { programFile } from '../support/programs.ts';

const test = suite('lab');
const PLAIN = { switching: false, servers: 2 } as const;

const namespacesNow = () =>
  (existsSync('/run/netns') ? readdirSync('/run/netns') : []).filter((name) =>
    name.startsWith('baton-lab-'),
  );

/** Of the labs of this process; others may be up on the machine. */
const ownNamespaces = () => namespacesNow().filter((name) => name.includes(`-${process.pid}-`));

/** GET by a socket of its own; prints `connect: CODE` when the connection fails, `silence` after 400 ms. */
const GET = `
const [host, path] = process.argv.slice(1);
const socket = require('node:net').connect(80, host);
const timer = setTimeout(() => { console.log('silence'); process.exit(3); }, 400);
socket.on('connect', () => clearTimeout(timer));
socket.on('error', (error) => { console.log('connect: ' + error.code); process.exit(4); });
socket.end('GET ' + path + ' HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n');
socket.pipe(process.stdout);
`;

const get = (lab: TestLab, from: string, address: string, path = '/') =>
  lab.run(from, [process.execPath, '-e', GET, address, path]);

function bodyOf(text: string): string {
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}

test('lab: servers answer the router and each other, over IPv4 and IPv6', () =>
  withLab(PLAIN, async (lab) => {
    for (const { name, address, address6 } of lab.topology.servers) {
      for (const to of [address, address6]) {
        for (const from of ['router', 'switch', 'server1']) {
          const { stdout } = await get(lab, from, to, '/who');
          assert.match(bodyOf(stdout), new RegExp(`^server=${name}; peer=.*; target=/who;$`));
        }
      }
    }
  }));

test('lab: the client gets no answer from any address of switch, servers or their routers', () =>
  withLab(PLAIN, async (lab) => {
    const ends = planTopology(PLAIN.servers).links.flatMap((link) => link.ends);
    const hidden = ends
      .filter(({ host, device }) => host !== 'client' && device !== 'client')
      .flatMap((end) => end.addresses.map((address) => address.split('/')[0]!));
    const others = ['10.81.1.1', '10.82.2.1', 'fd81:2::1', 'fd82:1::1'];
    const answers = await Promise.all(
      [...hidden, ...others].map(async (address) => {
        const { stdout } = await get(lab, 'client', address);
        return `${address} ${stdout.trim()}`;
      }),
    );
    assert.equal(
      answers.filter((answer) => !answer.endsWith(' silence')),
      [],
    );
  }));

test('lab: hosts.json names a live process in each namespace', () =>
  withLab(PLAIN, async (lab) => {
    const hosts = JSON.parse(lab.file('hosts.json')) as TestLab['hosts'];
    assert.equal(Object.keys(hosts), ['client', 'router', 'switch', 'server1', 'server2']);
    for (const host of Object.values(hosts)) {
      const { stdout } = spawnSync('ip', ['netns', 'identify', String(host.pid)], {
        encoding: 'utf8',
      });
      assert.is(`/run/netns/${stdout.trim()}`, host.namespace);
    }
    assert.equal(hosts['client']!.interfaces, { eth0: ['10.80.1.2', 'fd80:1::2'] });
  }));

for (const server of ['nginx', 'apache'] as const) {
  test(`lab: ${server} serves the stream's files, takes uploads and logs its clients`, () =>
    withLab({ switching: false, server }, async (lab) => {
      const { stdout } = await get(lab, 'router', '10.80.11.2', '/10k');
      assert.is(bodyOf(stdout), streamBytes(0, 10_000).toString('utf8'));
      const put = await lab.run('router', ['curl', '-sT', '-', 'http://10.80.11.2/upload/x'], {
        input: streamBytes(0, 3_000_000),
      });
      assert.is(put.status, 0, put.stderr);
      const back = await lab.run('router', ['curl', '-s', 'http://10.80.11.2/upload/x'], {});
      assert.is(back.stdout, streamBytes(0, 3_000_000).toString('utf8'));
      assert.match(lab.file('server1.access.log'), /^10\.80\.11\.1:\d+ "GET \/10k/m);
    }));
}

test('lab: two labs run side by side, and neither leaves a namespace', async () => {
  await Promise.all(
    [1, 2].map(() =>
      withLab(PLAIN, async (lab) => {
        assert.match((await get(lab, 'router', '10.80.12.2')).stdout, 'server=server2');
      }),
    ),
  );
  assert.equal(ownNamespaces(), []);
});

/** Starts a lab in a process of its own, sends it the signal when it is up, and waits for its end. */
async function interrupted(signal: NodeJS.Signals) {
  const program = programFile('plain-lab');
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill(signal);
  const [status] = (await once(child, 'exit')) as [number | null];
  const left = namespacesNow().filter((name) => name.includes(`-${child.pid}-`));
  return { status, left };
}

test('lab: SIGINT and SIGTERM end it with their status and leave nothing', async () => {
  assert.equal(await interrupted('SIGINT'), { status: 130, left: [] });
  assert.equal(await interrupted('SIGTERM'), { status: 143, left: [] });
});

test('lab: what a killed lab left is removed by the next one, its processes are gone', async () => {
  const { left } = await interrupted('SIGKILL');
  assert.is(left.length, 4);
  await sleep(200);
  for (const name of left) {
    assert.is(spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout, '');
  }
  await withLab(PLAIN, async () => {});
  assert.equal(
    namespacesNow().filter((name) => left.includes(name)),
    [],
  );
});

test('lab: a body that throws leaves nothing behind', async () => {
  let message = '';
  await withLab(PLAIN, () => Promise.reject(new Error('broken'))).catch(
    (error: Error) => (message = error.message),
  );
  assert.is(message, 'broken');
  assert.equal(ownNamespaces(), []);
});

/** Waits for the end of a device whose process is gone. */
async function hasGone(lab: TestLab, host: string, device: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await lab.run(host, ['ip', 'link', 'show', 'dev', device])).status !== 0) return true;
    await sleep(50);
  }
  return false;
}

for (const engine of ['packet', ...(canLoadBpf() ? (['xdp'] as const) : [])] as const) {
  test(`lab: the engine ${engine} needs no TUN, and its device ends with the process`, () =>
    withLab({ servers: 1, engine }, async (lab) => {
      const { stdout } = await lab.run('client', ['sh', '-c', 'curl -sm 5 "$BATON_URL/x"']);
      assert.match(stdout, /^server=server1; .*; target=\/x;$/);
      killProgram(lab, 'switch', 'baton');
      assert.ok(await hasGone(lab, 'switch', 'baton0'));
    }));
}

test.run();
