import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ServiceNotices, watchdogIntervalMs } from '../../../src/host/sd-notify.ts';
import { listenForNotices } from '../../support/notices.ts';

const test = suite('sd-notify');
const folder = mkdtempSync(join(tmpdir(), 'baton-notify-'));
test.after(() => rmSync(folder, { recursive: true }));

for (const name of [join(folder, 'notify'), `@baton-test-${process.pid}`]) {
  const kind = name.startsWith('@') ? 'an abstract name' : 'a path';
  test(`notices: at ${kind} it hears of start, reload and end`, () => {
    const { received, close } = listenForNotices(name);
    const notices = new ServiceNotices({ NOTIFY_SOCKET: name }, assert.unreachable);
    notices.ready('switch works');
    notices.reloading();
    notices.stopping(10_000);
    const [ready, reloading, stopping, ...more] = received();
    close();
    assert.is(ready, 'READY=1\nSTATUS=switch works');
    assert.match(reloading!, /^RELOADING=1\nMONOTONIC_USEC=[1-9]\d+$/);
    assert.is(stopping, 'STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000');
    assert.equal(more, []);
  });
}

test('notices: a watchdog is fed twice in its time, until the stop', async () => {
  const name = join(folder, 'watchdog');
  const { received, close } = listenForNotices(name);
  const environment = { NOTIFY_SOCKET: name, WATCHDOG_USEC: '40000' };
  const notices = new ServiceNotices(environment, assert.unreachable);
  await sleep(150);
  const fed = received();
  assert.ok(fed.length >= 3 && fed.every((lines) => lines === 'WATCHDOG=1'), fed.join());
  notices.stopping(10_000);
  await sleep(100);
  assert.equal(received(), ['STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000']);
  close();
});

test('notices: whose watchdog, and how often', () => {
  assert.is(watchdogIntervalMs({}, 7), undefined);
  assert.is(watchdogIntervalMs({ WATCHDOG_USEC: '0' }, 7), undefined);
  assert.is(watchdogIntervalMs({ WATCHDOG_USEC: '10000000' }, 7), 5000);
  assert.is(watchdogIntervalMs({ WATCHDOG_USEC: '10000000', WATCHDOG_PID: '7' }, 7), 5000);
  assert.is(watchdogIntervalMs({ WATCHDOG_USEC: '10000000', WATCHDOG_PID: '8' }, 7), undefined);
});

test('notices: without one nothing happens; one that is gone is told of', () => {
  new ServiceNotices({}, assert.unreachable).ready('');
  const said: string[] = [];
  new ServiceNotices({ NOTIFY_SOCKET: join(folder, 'gone') }, (text) => said.push(text)).ready('');
  assert.match(said.join(), /does not hear us: ENOENT/);
  assert.throws(() => new ServiceNotices({ NOTIFY_SOCKET: 'x' }, assert.unreachable), /not a path/);
});

test('notices: one that does not read keeps nobody waiting', () => {
  const name = join(folder, 'deaf');
  const { received, close } = listenForNotices(name);
  const said: string[] = [];
  const notices = new ServiceNotices({ NOTIFY_SOCKET: name }, (text) => said.push(text));
  for (let count = 0; count < 1000; count += 1) notices.ready('');
  assert.match(said.join(), /does not hear us: EAGAIN/);
  assert.ok(received().length < 1000);
  close();
});

test.run();
