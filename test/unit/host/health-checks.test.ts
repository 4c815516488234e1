import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Config } from '../../../src/config/config.ts';
import type { HealthCheck, HealthConfig } from '../../../src/config/health.ts';
import type { HealthEvent, ProbeEvent } from '../../../src/event.ts';
import { HealthChecks, Judge } from '../../../src/host/health-checks.ts';
import { probe } from '../../../src/host/health-probe.ts';
import { testConfig } from '../control/rig.ts';

const test = suite('health checks');
const HERE = Uint8Array.of(127, 0, 0, 1);
const LIMIT_MS = 5000;

/** A web server of one status, which may be changed, or of none. */
class Application {
  readonly server = createServer((request, response) => {
    this.asked.push(request.url ?? '');
    if (this.status === 0) return;
    response.writeHead(this.status);
    response.end();
  });
  status = 200;
  asked: string[] = [];

  async start(port = 0): Promise<number> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  stop(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

function checkOnce(
  check: HealthCheck,
  port: number,
  timeoutMs = 1000,
): Promise<string | undefined> {
  return probe({ check, address: HERE, port }, AbortSignal.timeout(timeoutMs));
}

function configFor(port: number, health: Partial<HealthConfig>): Config {
  const defaults = { intervalMs: 20, timeoutMs: 1000, rise: 2, fall: 3, downMs: 1000 };
  const config = testConfig(1);
  const server = { ...config.servers[0]!, agent: { address: HERE, port: 1 }, port };
  const pools = config.pools.map((pool) => ({ ...pool, health: { ...defaults, ...health } }));
  return { ...config, servers: [server], pools };
}

async function until(what: () => boolean): Promise<void> {
  for (let endMs = performance.now() + LIMIT_MS; !what();) {
    if (performance.now() > endMs) throw new Error('it does not come');
    await sleep(5);
  }
}

test('health checks: the first one decides, then it takes fall or rise in a row', () => {
  const judge = new Judge({ rise: 2, fall: 3 });
  const take = (results: string) => [...results].map((each) => judge.take(each === '+')).join();
  assert.is(take('+'), 'false');
  assert.is(take('--+--'), 'false,false,false,false,false');
  assert.is(take('-'), 'true');
  assert.not(judge.isHealthy);
  assert.is(take('-+-+'), 'false,false,false,false');
  assert.is(take('+'), 'true');
  assert.ok(judge.isHealthy);
  const dead = new Judge({ rise: 2, fall: 3 });
  assert.ok(dead.take(false));
  assert.not(dead.isHealthy);
});

test('health checks: tcp wants a connection, http a status', async () => {
  const application = new Application();
  const port = await application.start();
  assert.is(await checkOnce('tcp', port), undefined);
  const up = { http: { path: '/up' } };
  assert.is(await checkOnce(up, port), undefined);
  application.status = 302;
  assert.is(await checkOnce(up, port), undefined);
  assert.is(await checkOnce({ http: { path: '/up', expect: 200 } }, port), 'status 302');
  application.status = 503;
  assert.is(await checkOnce(up, port), 'status 503');
  assert.is(await checkOnce({ http: { path: '/up', expect: 503 } }, port), undefined);
  application.status = 0;
  assert.is(await checkOnce(up, port, 50), 'no answer in time');
  assert.equal(new Set(application.asked), new Set(['/up']));
  await application.stop();
  assert.match((await checkOnce('tcp', port)) ?? '', /ECONNREFUSED/);
  assert.match((await checkOnce(up, port)) ?? '', /ECONNREFUSED/);
});

test('health checks: the plane hears of changes; maintenance or a reload ends them', async () => {
  const application = new Application();
  const port = await application.start();
  const config = configFor(port, { check: { http: { path: '/' } } });
  const events: (HealthEvent | ProbeEvent)[] = [];
  const notices: string[] = [];
  const checks = new HealthChecks(
    config,
    (event) => events.push(event),
    (text) => notices.push(text),
  );
  checks.configure();
  await until(() => application.asked.length > 3);
  assert.equal(events, []);
  application.status = 500;
  await until(() => events.length === 1);
  const about = { kind: 'health', pool: 'default', server: 'server1' };
  assert.equal(events.pop(), { ...about, healthy: false });
  assert.equal(notices, ['health: server1 does not work (status 500), pool default']);
  application.status = 200;
  await until(() => events.length === 1);
  assert.equal(events.pop(), { ...about, healthy: true });
  checks.setMode('server1', 'maint');
  await sleep(50);
  application.asked = [];
  await sleep(100);
  assert.equal(application.asked, []);
  application.status = 500;
  checks.setMode('server1', 'ready');
  await until(() => events.length === 1);
  assert.equal(events.pop(), { ...about, healthy: false }, 'the first check after it decides');
  checks.configure(configFor(port, {}));
  assert.equal(events.pop(), { ...about, healthy: true }, 'nobody checks any more');
  checks.stop();
  await application.stop();
  assert.equal(events, []);
});

test('health checks: by handoff as a client of the VIP, which the plane hears of first', async () => {
  const application = new Application();
  const known: (ProbeEvent | HealthEvent)[] = [];
  const asked: string[] = [];
  application.server.prependListener('request', (request) => {
    const { remotePort } = request.socket;
    const told = known.findLast(
      (event) => event.kind === 'probe' && event.clientPort === remotePort,
    );
    asked.push(
      told?.kind === 'probe' ? `${told.server} ${told.client.join('.')} ${told.isOver}` : '',
    );
  });
  const port = await application.start();
  const config = configFor(1, { check: { handoff: { path: '/up' } } });
  const [service] = config.services;
  const services = [{ ...service!, vip: [HERE], port }];
  const checks = new HealthChecks(
    { ...config, services },
    (event) => known.push(event),
    () => {},
  );
  checks.configure();
  await until(() => application.asked.length > 2);
  assert.equal([...new Set(application.asked)], ['/up']);
  assert.equal([...new Set(asked)], ['server1 127.0.0.1 false']);
  await until(() => known.at(-1)?.kind === 'probe' && (known.at(-1) as ProbeEvent).isOver);
  application.status = 500;
  await until(() => known.some(({ kind }) => kind === 'health'));
  checks.stop();
  await application.stop();
});

test.run();
