// An accept queue that fills between SYN-ACK and data: every request is answered once or refused clearly.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLab, type TestLab } from '../support/lab.ts';
import { programFile } from '../support/programs.ts';
import { Report } from '../support/report.ts';
import type { BurstOutcome } from '../programs/burst-client.ts';

const CLIENTS = 64;
const ROUNDS = 3;
const BACKLOG = 4;
const ACCEPT_DELAY_MS = 25;
const SLOW_PORT = 8081;
const CLIENT_LIMIT_MS = 20_000;

const report = new Report();

async function startSlowServer(lab: TestLab, host: string): Promise<string> {
  const log = join(lab.directory, `${host}.slow.log`);
  const words = ['exec', 'node', programFile('slow-server'), SLOW_PORT, BACKLOG, ACCEPT_DELAY_MS];
  const command = `${words.join(' ')} > ${log} 2>&1`;
  // ends with the lab's namespace holder: timeout bounds it whatever happens
  void lab.run(host, ['timeout', '150', 'sh', '-c', command], { timeout: 160_000 });
  for (let tries = 0; tries < 50; tries++) {
    await sleep(100);
    try {
      if (readFileSync(log, 'utf8').includes('ready')) return log;
    } catch {
      // not there yet
    }
  }
  throw new Error(`the slow server of ${host} did not start`);
}

async function listenOverflows(lab: TestLab, host: string): Promise<number> {
  const { stdout } = await lab.run(host, ['nstat', '-asz', 'TcpExtListenOverflows']);
  return Number(/TcpExtListenOverflows\s+(\d+)/.exec(stdout)?.[1] ?? 0);
}

async function checkBurst(lab: TestLab, servers: number): Promise<void> {
  const hosts = Array.from({ length: servers }, (_, index) => `server${index + 1}`);
  const logs = await Promise.all(hosts.map((host) => startSlowServer(lab, host)));
  const args = [lab.environment['BATON_URL']!, CLIENTS, CLIENT_LIMIT_MS, ROUNDS].map(String);
  const { stdout, stderr } = await lab.run(
    'client',
    ['node', programFile('burst-client'), ...args],
    {
      timeout: 120_000,
    },
  );
  const outcome = JSON.parse(stdout || '{}') as BurstOutcome;
  if (outcome.answered === undefined) throw new Error(stderr);
  const { answered, refused, reset, lost, wrong, slowestMs } = outcome;
  const what = `${servers} server(s)`;
  report.note(
    `${what}: ${answered.length} answered, ${refused.length} x 503, ${reset.length} x RST, ` +
      `slowest ${slowestMs} ms`,
  );
  const ran = logs.flatMap((log) =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('/burst-')),
  );
  const doubled = ran.filter((target, index) => ran.indexOf(target) !== index);
  const refusedButRan = refused.filter((target) => ran.includes(target));
  const notRun = answered.filter((target) => !ran.includes(target));
  report.check(
    `${what}: none is lost`,
    lost.length === 0 && wrong.length === 0,
    `${lost} ${wrong}`,
  );
  report.check(`${what}: none ran twice`, doubled.length === 0, doubled.join(' '));
  report.check(
    `${what}: a 503 means that it did not run`,
    refusedButRan.length === 0,
    refusedButRan.join(' '),
  );
  report.check(
    `${what}: an answer means that it ran`,
    notRun.length === 0 && answered.length > 0,
    answered.length,
  );
  const overflows = await Promise.all(hosts.map((host) => listenOverflows(lab, host)));
  const sum = overflows.reduce((total, count) => total + count, 0);
  report.check(
    `${what}: the accept queues did overflow (the test tests it)`,
    sum > 0,
    `${sum} times`,
  );
}

for (const servers of [1, 2]) {
  await report.part(`${servers} server(s)`, async () => {
    const config = join(process.env['TMPDIR'] ?? '/tmp', `ready-${process.pid}.yaml`);
    const list = Array.from({ length: servers }, (_, index) => ({
      name: `server${index + 1}`,
      agent: `10.80.${11 + index}.2:7080`,
      port: SLOW_PORT,
      weight: 1,
    }));
    writeFileSync(config, JSON.stringify({ servers: list }));
    await withLab({ servers, server: 'echo', config, policy: 'round-robin' }, (lab) =>
      checkBurst(lab, servers),
    );
  });
}
report.finish();
