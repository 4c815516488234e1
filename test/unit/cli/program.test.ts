import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AdminServer } from '../../../src/admin/server.ts';
import { filterRule, hiddenPrefixes } from '../../../src/cli/filter-rule.ts';
import { formatConnections, formatServices } from '../../../src/cli/inspect.ts';
import { formatFigures, formatTable, inWords } from '../../../src/cli/table.ts';
import { parseConfig } from '../../../src/config/load.ts';

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

function baton(...args: string[]): Result {
  const options = { encoding: 'utf8', timeout: 30_000 } as const;
  return spawnSync(process.execPath, ['--enable-source-maps', PROGRAM, ...args], options);
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

test('command line: --version and --help', () => {
  const version = baton('--version');
  assert.is(version.status, 0);
  assert.match(version.stdout, /^baton \d+\.\d+\.\d+\n$/);
  const help = baton('--help');
  assert.is(help.status, 0);
  for (const name of ['run', 'check', 'doctor', 'list', 'conns', 'stats', 'keygen', 'lab']) {
    assert.ok(help.stdout.includes(`\n  ${name} `), name);
  }
});

test('command line: wrong use has exit status 2', () => {
  refused(baton('run'), 2, /required option '-c, --config <file>'/);
  refused(baton('list', '--colour'), 2, /unknown option '--colour'/);
  refused(baton('check'), 2, /check needs '-c, --config <file>' or '--schema'/);
  refused(baton('lab', '--servers', 'many'), 2, /Expected a number from 1 to 64/);
  assert.is(baton('nothing').status, 2);
  assert.is(baton().status, 2);
});

test('command line: check says fine, or every mistake in a line, without a stack', ({ folder }) => {
  const file = join(folder, 'baton.yaml');
  writeFileSync(file, SWITCH);
  const fine = baton('check', '-c', file);
  assert.is(
    fine.stdout,
    `${file}: fine: host switch; roles switch; 1 service; 1 pool; 2 servers; control channel in PLAINTEXT\n`,
  );
  assert.is(fine.status, 0);
  writeFileSync(file, SWITCH.replace('vip:', 'vpi:').replace('[server1, server2]', '[server3]'));
  const wrong = baton('check', '-c', file);
  assert.is(wrong.status, 1);
  const lines = wrong.stderr.trim().split('\n');
  assert.is(lines.length, 3, wrong.stderr);
  for (const line of lines) assert.ok(line.startsWith(`baton: ${file}:`), line);
  refused(baton('check', '-c', join(folder, 'none.yaml')), 1, /none.yaml: no such file/);
  refused(baton('run', '-c', join(folder, 'none.yaml')), 1, /none.yaml: no such file/);
});

test('command line: check --schema prints JSON Schema', () => {
  const { stdout, status } = baton('check', '--schema');
  assert.is(status, 0);
  assert.ok('services' in JSON.parse(stdout).properties);
});

test('command line: keygen writes keys that check accepts', ({ folder }) => {
  const keys = join(folder, 'keys');
  assert.is(baton('keygen', '--out', keys, 'switch', 'server1').status, 0);
  refused(baton('keygen', '--out', keys, 'server1'), 1, /server1.pem exists already/);
  const file = join(folder, 'baton.yaml');
  const tls = 'tls: { ca: keys/ca.pem, cert: keys/switch.pem, key: keys/switch.key }';
  writeFileSync(file, SWITCH.replace('insecure: true', tls));
  assert.is(baton('check', '-c', file).status, 0);
  writeFileSync(file, readFileSync(file, 'utf8').replace('keys/switch.pem', 'keys/server1.pem'));
  const { stderr } = baton('check', '-c', file);
  assert.match(stderr, /expected a certificate of "switch" \(its CN\), found one of "server1"/);
  assert.match(stderr, /tls.key: the key does not belong to the certificate/);
});

test('command line: list, conns and stats ask the admin socket', async ({ folder }) => {
  const path = join(folder, 'admin.sock');
  refused(baton('list', '--admin', path), 1, /admin.sock: .*\(does baton run there\?\)/);
  // in a process of its own: baton() waits synchronously
  const file = join(folder, 'admin.mjs');
  const answer = JSON.stringify({
    name: 'switch',
    roles: ['switch'],
    pid: 1,
    uptimeMs: 1000,
    parts: [],
  });
  writeFileSync(
    file,
    `import { createServer } from 'node:http';
     import { execFile } from 'node:child_process';
     const server = createServer((_, response) => response.end(${JSON.stringify(answer)}));
     server.listen(${JSON.stringify(path)}, () => {
       const args = [${JSON.stringify(PROGRAM)}, 'stats'];
       const env = { ...process.env, BATON_ADMIN: ${JSON.stringify(path)} };
       execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
         process.stdout.write(stdout + stderr);
         server.close();
       });
     });`,
  );
  const { stdout } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  assert.match(stdout, /^switch \(switch\), pid 1, up 1 s/);
});

test("command line: doctor names the engine and the router's rule for the configured hosts", ({
  folder,
}) => {
  const file = join(folder, 'baton.yaml');
  writeFileSync(file, SWITCH);
  const { stdout, stderr } = baton('doctor', '-c', file);
  assert.is(stderr, '');
  assert.match(stdout, /^Engine: (tun|none)\./m);
  assert.match(stdout, /iifname "CLIENTS" ip daddr { 10.80.11.2 } drop/);
  assert.match(stdout, /ip -6 rule add iif CLIENTS to fd80:12::2 blackhole/);
  assert.match(stdout, /VIP 192.0.2.80 is no address of this host/);
});

test('command line: the filter rule holds handoff, service and control addresses', () => {
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

test('command line: list has the columns of ipvsadm', () => {
  const none = { handoffs: 0, ready: 0, failed: 0 };
  const server = { name: 's1', agent: '10.80.11.2:7080', port: 80, weight: 1, up: true, ...none };
  const text = formatServices([
    {
      name: 'web',
      vips: ['192.0.2.80:80'],
      pool: 'default',
      pools: [
        { name: 'default', policy: 'lard', servers: [{ ...server, active: 3, inactive: 10 }] },
        {
          name: 'images',
          policy: 'lard',
          servers: [{ ...server, up: false, active: 0, inactive: 0 }],
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

test('command line: connections and figures are shown as tables and words', () => {
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
});

test('command line: the admin socket speaks as the inspectors expect', async ({ folder }) => {
  const path = join(folder, 'admin.sock');
  const server = new AdminServer(path, { '/services': () => [] });
  await server.start();
  const { listCommand } = await import('../../../src/cli/inspect.ts');
  assert.is(await listCommand({ admin: path, json: true }), '[]\n');
  assert.match(await listCommand({ admin: path }), /^Prot +LocalAddress:Port +Scheduler +Flags\n/);
  await server.stop();
});

test.run();
