// SIGTERM while something is under way: that ends first.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startWords } from '../../src/beside.ts';
import type { HealthView } from '../../src/run.ts';
import { withLab, type TestLab } from '../support/lab.ts';

const test = suite('end');
const BYTES = 25_000_000;
const END_LIMIT_MS = 12_000;
/** This program without agent.state: its connections end with it. */
const STATELESS = `for file; do :; done; sed -i '/^ *state: /d' "$file"; exec "$@"`;
const TIMED_OUT = 28; // curl
/** Sends half of a request's head, the other half a second later, and prints the answer. */
const IN_HALVES = `
const socket = require('node:net').connect(80, process.env.BATON_VIP);
socket.write('GET /halves HTTP/1.1\\r\\nHost: a\\r\\n');
setTimeout(() => socket.write('Connection: close\\r\\n\\r\\n'), 1500);
socket.on('data', (bytes) => { process.stdout.write(bytes); socket.destroy(); });
`;

const config = join(tmpdir(), `baton-end-${process.pid}.yaml`);
test.before(() => writeFileSync(config, 'timing: { drainMs: 8000 }\n'));
test.after(() => rmSync(config, { force: true }));

/** Ends a host's program; resolves with how long it took (ms), -1 when it went on. */
async function terminate(lab: TestLab, host: string): Promise<number> {
  const pid = lab.hosts[host]!.programs['baton']!;
  const begun = performance.now();
  process.kill(pid, 'SIGTERM');
  while (existsSync(`/proc/${pid}/exe`)) {
    if (performance.now() - begun > END_LIMIT_MS) return -1;
    await sleep(20);
  }
  return performance.now() - begun;
}

async function devicesOf(lab: TestLab, host: string): Promise<string> {
  const script = 'ip -br link; ip route; ip rule';
  return (await lab.run(host, ['sh', '-c', script])).stdout;
}

test('end: an agent without a kept table sends the response under way to its end', () =>
  withLab(
    { config, program: ['sh', '-c', STATELESS, 'sh', ...startWords('baton')] },
    async (lab) => {
      const slow = [
        'curl',
        '-sS',
        '--limit-rate',
        '5M',
        '-w',
        '%{size_download}',
        '-o',
        '/dev/null',
      ];
      const download = lab.run('client', [
        ...slow,
        `${lab.environment['BATON_URL']}/bytes/${BYTES}`,
      ]);
      await sleep(800);
      const ended = terminate(lab, 'server1');
      await sleep(200);
      assert.not((await lab.admin<HealthView>('server1', '/health')).ok);
      const { status, stdout, stderr } = await download;
      assert.is(status, 0, stderr);
      assert.is(Number(stdout), BYTES);
      const tookMs = await ended;
      assert.ok(tookMs > 1500, `${tookMs} ms`);
      assert.not.match(lab.file('server1.log'), 'under way');
      assert.not.match(await devicesOf(lab, 'server1'), 'baton');
    },
  ));

test('end: a switch gives a request that has begun to come to a server, and answers no new client', () =>
  withLab({ config }, async (lab) => {
    const halves = lab.run('client', ['node', '-e', IN_HALVES], { timeout: 10_000 });
    await sleep(700);
    const ended = terminate(lab, 'switch');
    const fresh = await lab.run('client', [
      'curl',
      '-s',
      '-m',
      '0.5',
      lab.environment['BATON_URL']!,
    ]);
    assert.is(fresh.status, TIMED_OUT);
    assert.ok((await lab.stats('switch')).total.drops['leaving']! > 0);
    assert.match((await halves).stdout, /^HTTP\/1\.1 200 OK/);
    assert.ok((await ended) > 0);
    assert.not.match(lab.file('switch.log'), 'under way');
    assert.not.match(await devicesOf(lab, 'switch'), 'baton');
  }));

test.run();
