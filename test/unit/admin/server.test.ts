import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as V from '../../../assembly/verdict.ts';
import * as L from '../../../assembly/layout.ts';
import { workersView } from '../../../src/admin/views.ts';
import { AdminServer } from '../../../src/admin/server.ts';
import { workerMemory } from '../../support/worker-memory.ts';

const admin = suite('admin');
let folder = '';
admin.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-admin-'));
});
admin.after.each(() => rmSync(folder, { recursive: true }));

function ask(socketPath: string, path: string, method = 'GET') {
  return new Promise<{ status: number; body: unknown }>((resolve, reject) => {
    const asking = request({ socketPath, path, method }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown }),
      );
    });
    asking.on('error', reject);
    asking.end();
  });
}

admin('answers JSON on a socket that no other user can open', async () => {
  const path = join(folder, 'deep', 'admin.sock');
  let asked = 0;
  const server = new AdminServer(path, { '/stats': () => ({ asked: (asked += 1) }) });
  await server.start();
  assert.is(statSync(path).mode & 0o077, 0);
  assert.equal(await ask(path, '/stats'), { status: 200, body: { asked: 1 } });
  assert.equal(await ask(path, '/stats?x=1'), { status: 200, body: { asked: 2 } });
  assert.is((await ask(path, '/nothing')).status, 404);
  assert.is((await ask(path, '/constructor')).status, 404);
  assert.is((await ask(path, '/stats', 'POST')).status, 405);
  await server.stop();
  assert.not(existsSync(path));
});

admin('takes over the file of a dead process, not the socket of a living one', async () => {
  const path = join(folder, 'admin.sock');
  writeFileSync(path, '');
  const first = new AdminServer(path, {});
  await first.start();
  const second = await new AdminServer(path, {}).start().catch((error: Error) => error);
  assert.match(String(second), /another process has it/);
  await first.stop();
});

admin('a question that cannot be answered is a 500 with the reason', async () => {
  const path = join(folder, 'admin.sock');
  const server = new AdminServer(path, {
    '/stats': () => {
      throw new Error('planted');
    },
  });
  await server.start();
  assert.equal(await ask(path, '/stats'), { status: 500, body: { error: 'planted' } });
  await server.stop();
});

admin('counters have the names of their constants and add up over workers', () => {
  const { view, records } = workerMemory(2, 1024);
  const set = (worker: number, counter: number, value: bigint): void =>
    view.setBigUint64(records[worker]! + L.WORKER_COUNTERS + counter * 8, value, true);
  set(0, V.COUNTER_RECEIVED, 5n);
  set(1, V.COUNTER_RECEIVED, 7n);
  set(1, V.COUNTER_POLLS_WITH_PACKETS, 0x1_0000_0000n);
  set(1, V.COUNTER_DROPS + V.DROP_BAD_COOKIE, 3n);
  const { workers, total } = workersView(view);
  assert.is(total.counters['received'], 12);
  assert.is(workers[1]?.counters['pollsWithPackets'], 2 ** 32);
  assert.equal(total.drops, { 'bad-cookie': 3 });
  assert.not('drops' in total.counters);
});

admin.run();
