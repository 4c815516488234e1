import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { streamBytes } from '../../src/lab/byte-stream.ts';
import type { RequestPlan, RequestResult } from '../../src/lab/requests.ts';
import { send } from '../../src/lab/send.ts';
import { VIP4, VIP6 } from '../../src/lab/topology.ts';
import { withLab, type TestLab } from '../support/lab.ts';

const test = suite('cluster');
const digest = (length: number) =>
  createHash('sha256').update(streamBytes(0, length)).digest('hex');
const field = (result: RequestResult, name: string) =>
  new RegExp(`${name}=(.*?);`).exec(result.text)?.[1];

function answers(lab: TestLab, plan: Partial<RequestPlan>): Promise<(string | undefined)[]> {
  return send(lab, plan).then((results) => results.map((result) => field(result, 'server')));
}

test('cluster: servers see the client, bytes are right in both directions, over IPv4 and IPv6', () =>
  withLab({ servers: 2, policy: 'round-robin' }, async (lab) => {
    for (const address of [VIP4, VIP6]) {
      const results = await send(lab, { address, targets: ['/a', '/b', '/c', '/d'] });
      for (const result of results) assert.is(field(result, 'peer'), result.local);
      assert.equal(new Set(results.map((result) => field(result, 'server'))).size, 2);
      const [download] = await send(lab, { address, targets: ['/bytes/10000000'] });
      assert.is(download!.digest, digest(10_000_000));
      const [upload] = await send(lab, {
        address,
        method: 'PUT',
        targets: ['/'],
        sendBytes: 5_000_000,
      });
      assert.is(upload!.text, digest(5_000_000));
    }
  }));

test('cluster: without its agent a server gets nothing, with a new one it does', () =>
  withLab({ servers: 2, policy: 'round-robin' }, async (lab) => {
    process.kill(lab.hosts['server1']!.programs['baton']!, 'SIGKILL');
    await sleep(300);
    assert.equal(await answers(lab, { targets: ['/a', '/b', '/c'] }), Array(3).fill('server2'));
    await lab.startBaton('server1');
    await sleep(2000);
    assert.equal((await answers(lab, { targets: ['/a', '/b'] })).sort(), ['server1', 'server2']);
  }));

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`cluster: open connections go on when their agent was ended by ${signal} and is back`, () =>
    withLab({ servers: 1 }, async (lab) => {
      const waiting = send(lab, {
        targets: ['/a', '/bytes/3000000'],
        connections: 'one',
        pauseMs: 4000,
      });
      const slow = ['curl', '-s', '--limit-rate', '2M', `${VIP4}/bytes/10000000`];
      const download = lab.run('client', ['sh', '-c', `${slow.join(' ')} | sha256sum`]);
      await sleep(1500);
      process.kill(lab.hosts['server1']!.programs['baton']!, signal);
      await sleep(500);
      await lab.startBaton('server1');
      const [before, after] = await waiting;
      assert.is(after!.local, before!.local);
      assert.is(after!.digest, digest(3_000_000));
      assert.is((await download).stdout.split(' ')[0], digest(10_000_000));
      assert.match(lab.file('server1.log'), /goes on with 2 connections of an earlier run/);
    }));
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`cluster: an open connection goes on when the switch was ended by ${signal} and is back`, () =>
    withLab({ servers: 2 }, async (lab) => {
      const waiting = send(lab, { targets: ['/a', '/b'], connections: 'one', pauseMs: 6000 });
      await sleep(1500);
      process.kill(lab.hosts['switch']!.programs['baton']!, signal);
      await sleep(500);
      await lab.startBaton('switch');
      const [before, after] = await waiting;
      assert.is(after!.local, before!.local);
      assert.is(field(after!, 'server'), field(before!, 'server'));
    }));
}

test.run();
