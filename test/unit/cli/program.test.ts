import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AdminServer } from '../../../src/admin/server.ts';
import { filterRule, hiddenPrefixes } from '../../../src/cli/filter-rule.ts';
import { formatConnections } from '../../../src/cli/inspect.ts';
import { formatFigures, formatTable, inWords } from '../../../src/cli/table.ts';
import { execute } from '../../../src/cli/program.ts';
import { parseConfig } from '../../../src/config/load.ts';
import type { LabCommandOptions } from '../../../src/lab/lab.ts';

const test = suite<{ folder: string }>('command line', { folder: '' });
const PROGRAM = fileURLToPath(new URL('./baton.mjs', import.meta.url));
const KEY = 'ab'.repeat(32);
const SWITCH = `name: switch
roles: [switch]
insecure: true
switch: { key: '${KEY}' }
servers:
  - { name: server1, agent: 10.80.11.2:7080, port: 80 }
  - { name: server2, agent: '[fd80:12::2]:7080', port: 80 }
pools:
  - { name: default, servers: [server1, server2] }
services:
  - { name: web, vip: [192.0.2.80], pool: default }
`;

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the program in a process of its own. */
function spawned(...args: string[]): Result {
  const options = { encoding: 'utf8', timeout: 60_000 } as const;
  return spawnSync(process.execPath, ['--enable-source-maps', PROGRAM, ...args], options);
}

const labs: LabCommandOptions[] = [];
function lab(options: LabCommandOptions): Promise<number> {
  labs.push(options);
  return Promise.resolve(7);
}

/** Runs a command here and takes what it prints. */
async function baton(...args: string[]): Promise<Result> {
  const printed = { stdout: '', stderr: '' };
  const real = { stdout: process.stdout.write, stderr: process.stderr.write };
  const take = (name: keyof typeof printed): void => {
    process[name].write = (text: unknown) => {
      printed[name] += String(text);
      return true;
    };
  };
  take('stdout');
  take('stderr');
  try {
    const status = await execute(args, { version: '1.2.3', lab });
    return { status, ...printed };
  } finally {
    process.stdout.write = real.stdout;
    process.stderr.write = real.stderr;
  }
}

/** One line to standard error, no stack, that status. */
function refused(result: Result, status: number, line: RegExp): void {
  assert.is(result.status, status, result.stderr);
  assert.match(result.stderr, line);
  assert.is(result.stderr.trim().split('\n').length, 1, result.stderr);
  assert.is(result.stdout, '');
}

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'baton-cli-'));
});
test.after.each((context) => rmSync(context.folder, { recursive: true }));

test('command line: --version and --help', async () => {
  const version = spawned('--version');
  assert.is(version.status, 0, version.stderr);
  assert.match(version.stdout, /^baton \d+\.\d+\.\d+\n$/);
  refused(spawned('check', '-c', '/nowhere.yaml'), 1, /nowhere.yaml: no such file/);
  const help = await baton('--help');
  assert.is(help.status, 0);
  const names = 'run check doctor list conns stats servers keygen lab';
  for (const name of names.split(' ')) {
    assert.ok(help.stdout.includes(`\n  ${name} `), name);
  }
});

test('command line: wrong use has exit status 2', async () => {
  refused(await baton('run'), 2, /required option '-c, --config <file>'/);
  refused(await baton('list', '--colour'), 2, /unknown option '--colour'/);
  refused(await baton('check'), 2, /check needs '-c, --config <file>' or '--schema'/);
  refused(await baton('lab', '--servers', 'many'), 2, /Expected a number from 1 to 64/);
  refused(
    await baton('lab', '--tour', '--plain'),
    2,
    /'--plain' cannot be used with option '--tour'/,
  );
  refused(
    await baton('lab', '--tour', '--server', 'nginx'),
    2,
    /the echo server answers, not nginx/,
  );
  assert.is((await baton('nothing')).status, 2);
  assert.is((await baton()).status, 2);
});

test('command line: check says fine, or every mistake in a line, without a stack', async ({
  folder,
}) => {
  const file = join(folder, 'baton.yaml');
  writeFileSync(file, SWITCH);
  const fine = await baton('check', '-c', file);
  assert.is(
    fine.stdout,
    `${file}: fine: host switch; roles switch; 1 service; 1 pool; 2 servers; control channel in PLAINTEXT\n`,
  );
  assert.is(fine.status, 0);
  writeFileSync(file, SWITCH.replace('vip:', 'vpi:').replace('[server1, server2]', '[server3]'));
  const wrong = await baton('check', '-c', file);
  assert.is(wrong.status, 1);
  const lines = wrong.stderr.trim().split('\n');
  assert.is(lines.length, 3, wrong.stderr);
  for (const line of lines) assert.ok(line.startsWith(`baton: ${file}:`), line);
  refused(await baton('check', '-c', join(folder, 'none.yaml')), 1, /none.yaml: no such file/);
  refused(await baton('run', '-c', join(folder, 'none.yaml')), 1, /none.yaml: no such file/);
});

test('command line: lab takes its options, and the command as it stands', async () => {
  const command = ['sh', '-c', 'curl $BATON_URL', '--servers', '9'];
  const result = await baton('lab', '--servers', '2', '--table', 'paper', '--', ...command);
  assert.is(result.status, 7);
  assert.equal(labs, [
    {
      servers: 2,
      server: 'echo',
      workers: 1,
      placement: 'single',
      switches: 1,
      engine: 'auto',
      table: 'paper',
      front: 'apart',
      command,
    },
  ]);
  await baton('lab', ...command, '--tour');
  assert.equal(labs[1]?.command, [...command, '--tour']);
});

test('command line: check --schema prints JSON Schema', async () => {
  const { stdout, status } = await baton('check', '--schema');
  assert.is(status, 0);
  assert.ok('services' in JSON.parse(stdout).properties);
});

test('command line: keygen writes keys that check accepts', async ({ folder }) => {
  const keys = join(folder, 'keys');
  assert.is((await baton('keygen', '--out', keys, 'switch', 'server1')).status, 0);
  refused(await baton('keygen', '--out', keys, 'server1'), 1, /server1.pem exists already/);
  const file = join(folder, 'baton.yaml');
  const tls = 'tls: { ca: keys/ca.pem, cert: keys/switch.pem, key: keys/switch.key }';
  writeFileSync(file, SWITCH.replace('insecure: true', tls));
  assert.is((await baton('check', '-c', file)).status, 0);
  writeFileSync(file, readFileSync(file, 'utf8').replace('keys/switch.pem', 'keys/server1.pem'));
  const { stderr } = await baton('check', '-c', file);
  assert.match(stderr, /expected a certificate of "switch" \(its CN\), found one of "server1"/);
  assert.match(stderr, /tls.key: the key does not belong to the certificate/);
});

test('command line: list, conns and stats ask the admin socket', async ({ folder }) => {
  const path = join(folder, 'admin.sock');
  refused(await baton('list', '--admin', path), 1, /admin.sock: .*\(does baton run there\?\)/);
  const stats = { name: 'switch', roles: ['switch'], pid: 1, uptimeMs: 1000, parts: [] };
  const none = () => [];
  const lists = { '/services': none, '/peers': none, '/connections': none };
  const paths = { ...lists, '/stats': () => stats };
  const server = new AdminServer(path, paths);
  await server.start();
  process.env['BATON_ADMIN'] = path;
  assert.match((await baton('stats')).stdout, /^switch \(switch\), pid 1, up 1 s/);
  const { stdout } = await baton('list', '--json');
  assert.equal(JSON.parse(stdout), { services: [], peers: [] });
  assert.match((await baton('list', '--admin', path)).stdout, /^Switch +Group +Channel/);
  assert.match((await baton('conns')).stdout, /^Client +Local +State/);
  delete process.env['BATON_ADMIN'];
  await server.stop();
});

test('command line: servers takes its options before the command below and behind it', async ({
  folder,
}) => {
  const path = join(folder, 'admin.sock');
  const asked: string[] = [];
  const ready = (query: URLSearchParams) => {
    asked.push(String(query));
    return Promise.resolve({ ok: true, lines: ['done'] });
  };
  const server = new AdminServer(path, { '/servers': () => [] }, { '/servers/ready': ready });
  await server.start();
  const command = ['ready', 'server1'];
  assert.is((await baton('servers', '--admin', path, ...command)).stdout, 'done\n');
  assert.is((await baton('servers', ...command, '--admin', path)).stdout, 'done\n');
  const last = await baton('servers', '--admin', '/nowhere', ...command, '--admin', path);
  assert.is(last.stdout, 'done\n', 'the nearer one counts');
  assert.equal(asked, ['name=server1', 'name=server1', 'name=server1']);
  const { stdout } = await baton('servers', '--admin', path, '--json', 'list');
  assert.equal(JSON.parse(stdout), []);
  await server.stop();
});

test("command line: doctor names the engine and the router's rule for the configured hosts", async ({
  folder,
}) => {
  const file = join(folder, 'baton.yaml');
  writeFileSync(file, SWITCH);
  const { stdout, stderr } = await baton('doctor', '-c', file);
  assert.is(stderr, '');
  assert.match(
    stdout,
    /^Engine: (tun|packet|none) \((allowed: (tun|packet|xdp|, )+|none is allowed)\)/m,
  );
  assert.match(stdout, /iifname "CLIENTS" ip daddr { 10.80.11.2 } drop/);
  assert.match(stdout, /ip -6 rule add iif CLIENTS to fd80:12::2 blackhole/);
  assert.match(stdout, /^ok {4}no VIP is an address of this host/m);
});

test('command line: the filter rule holds handoff, service and control addresses', async () => {
  const config = parseConfig(
    `name: server1
roles: [agent]
insecure: true
agent:
  listen: 10.80.11.2:7080
  handoff: [10.81.1.0/24, 'fd81:1::/64']
  service: [10.82.1.0/24, 'fd82:1::/64']
`,
    'agent.yaml',
  );
  const rule = filterRule(hiddenPrefixes(config));
  assert.match(rule, /ip daddr { 10.81.1.0\/24, 10.82.1.0\/24, 10.80.11.2 } drop/);
  assert.match(rule, /ip6 saddr { fd81:1::\/64, fd82:1::\/64 } drop/);
  assert.match(filterRule([]), /HANDOFF_PREFIXES, SERVICE_PREFIXES, AGENT_ADDRESSES/);
});

test('command line: connections and figures are shown as tables and words', async () => {
  const shown = formatConnections([
    {
      role: 'switch',
      entry: 5,
      client: '10.80.1.2:40000',
      local: '192.0.2.80:80',
      state: 'FORWARD',
      server: '',
      to: '',
      idleSeconds: 12,
      worker: 0,
      id: '',
    },
  ]);
  assert.match(shown, /^Client +Local +State +Server +To +Idle s +Worker +Id\n/);
  assert.match(shown, /10.80.1.2:40000 +192.0.2.80:80 +FORWARD +- +- +12 +0 +-\n$/);
  assert.is(
    formatTable(
      [
        ['a', 'bb'],
        ['ccc', '1'],
      ],
      [1],
    ),
    'a    bb\nccc   1\n',
  );
  assert.is(inWords('pollsWithPackets'), 'polls with packets');
  assert.is(inWords('not-service'), 'not-service');
  const figures = { openCount: 3, none: {}, deep: { list: [1, 2], peers: [{ name: 'x' }] } };
  assert.is(
    formatFigures(figures),
    'open count: 3\ndeep:\n  list: 1 2\n  peers:\n    -\n      name: x\n',
  );
  assert.is(formatFigures({ sumMs: 86.8690110007301 }), 'sum ms: 86.869\n');
});

test.run();
