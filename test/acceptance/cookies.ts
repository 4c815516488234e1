// A SYN flood from 100,000 forged addresses while 50 clients work; and what a cookie keeps of a client's
// options.
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLab, type TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';

const FORGED = '198.18.0.0:100000';
const FLOOD_SECONDS = 20;
const MOST_PER_SECOND = 50_000;
const LIVE_CLIENTS = 50;
const LIVE_P99_MS = 3500;
const LOSS_FREE_SHARE = 0.99;

const report = new Report();

function program(name: string): string {
  return fileURLToPath(new URL(`./programs-${name}.mjs`, import.meta.url));
}

/** Forged SYNs at a rate from the client's host; how many were sent and how many the switch answered. */
async function flood(
  lab: TestLab,
  rate: number,
  seconds: number,
): Promise<{ sent: number; answered: number }> {
  const before = (await lab.stats('switch')).total.counters['cookiesSent']!;
  const args = [
    '--sources',
    FORGED,
    '--flags',
    'syn',
    '--rate',
    String(rate),
    '--seconds',
    String(seconds),
  ];
  const run = await lab.run('client', ['node', program('raw-sender'), ...args], {
    timeout: (seconds + 20) * 1000,
  });
  await sleep(300);
  const after = (await lab.stats('switch')).total.counters['cookiesSent']!;
  const { sent } = JSON.parse(run.stdout || '{"sent":0}') as { sent: number };
  return { sent, answered: after - before };
}

/** Highest tried rate at which the switch answered nearly every SYN. */
async function lossFreeRate(lab: TestLab): Promise<number> {
  let best = 0;
  for (const rate of [10_000, 20_000, 40_000, 60_000, 80_000, 100_000]) {
    const { sent, answered } = await flood(lab, rate, 1.5);
    const share = answered / sent;
    report.note(`${rate} SYNs/s: ${(share * 100).toFixed(1)} % answered`);
    if (share < LOSS_FREE_SHARE) break;
    best = Math.min(rate, sent / 1.5);
  }
  return best;
}

interface LiveOutcome {
  requests: number;
  failed: string[];
  p99Ms: number;
}

async function checkFlood(lab: TestLab): Promise<void> {
  // answers to forged addresses end at the router, instead of circling
  await lab.run('router', ['ip', 'route', 'add', 'blackhole', '198.18.0.0/15']);
  const free = await lossFreeRate(lab);
  report.check('a loss-free rate was found', free > 0, `${free.toFixed(0)} SYNs/s`);
  const rate = Math.min(MOST_PER_SECOND, Math.floor(free / 2));
  const quiet = await lab.stats('switch');
  const seconds = String(FLOOD_SECONDS);
  const args = [lab.environment['BATON_URL']!, String(LIVE_CLIENTS), seconds];
  const live = lab.run('client', ['node', program('live-clients'), ...args], { timeout: 60_000 });
  const { sent, answered } = await flood(lab, rate, FLOOD_SECONDS - 1);
  const during = await lab.stats('switch');
  const run = await live;
  const outcome = JSON.parse(run.stdout || '{}') as LiveOutcome;
  report.note(`${sent} forged SYNs at ${rate}/s, ${answered} answered`);
  report.check(
    `${LIVE_CLIENTS} live clients, ${outcome.requests} requests: none failed`,
    outcome.requests > LIVE_CLIENTS && outcome.failed?.length === 0,
    outcome.failed?.slice(0, 5).join('; ') ?? run.stderr.slice(-300),
  );
  report.check('live p99 in ms', outcome.p99Ms < LIVE_P99_MS, outcome.p99Ms);
  const half = during.table.halfOpen - quiet.table.halfOpen;
  report.check('no half-open entry of the flood', half < LIVE_CLIENTS, half);
  const most = quiet.table.used + outcome.requests + LIVE_CLIENTS;
  report.check(
    'the table grew by live connections only',
    during.table.used <= most,
    during.table.used,
  );
}

async function checkPlainClient(lab: TestLab): Promise<void> {
  await lab.run('client', ['sh', '-c', 'echo 0 > /proc/sys/net/ipv4/tcp_timestamps']);
  const curl = 'curl -sS -o /dev/null --limit-rate 4M $BATON_URL/bytes/20000000';
  const client = lab.run('client', ['sh', '-c', curl]);
  await sleep(2000);
  const command = ['ss', '-tinoOH', 'state', 'established', 'sport', '=', ':80'];
  const { stdout } = await lab.run('server1', command);
  await client;
  await lab.run('client', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/tcp_timestamps']);
  const line = stdout.split('\n').find((text) => text.includes('cwnd:')) ?? '';
  const [, fromClient = 0] = /wscale:(\d+),/.exec(line) ?? [];
  report.check(
    'without timestamps the server has the window scale',
    Number(fromClient) > 0,
    line.trim(),
  );
  report.check('and SACK', / sack /.test(line) && !/ ts /.test(line));
}

await report.part('cookies', () =>
  withLab({ servers: 2, server: 'echo' }, async (lab) => {
    await checkPlainClient(lab);
    await checkFlood(lab);
  }),
);
report.finish();
