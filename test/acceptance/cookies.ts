// A SYN flood from 100,000 forged addresses while 50 clients work; and what a cookie keeps of a client's
// options.
import { setTimeout as sleep } from 'node:timers/promises';
import { checkLive, flood, live, lossFreeRate } from '../floods/senders.ts';
import { withLab, type TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';

const FLOOD_SECONDS = 20;
const MOST_PER_SECOND = 50_000;
const LIVE_CLIENTS = 50;

const report = new Report();

async function checkFlood(lab: TestLab): Promise<void> {
  // answers to forged addresses end at the router, instead of circling
  await lab.run('router', ['ip', 'route', 'add', 'blackhole', '198.18.0.0/15']);
  const free = await lossFreeRate(report, async (rate) => flood(lab, rate, 1.5));
  const rate = Math.min(MOST_PER_SECOND, Math.floor(free / 2));
  const quiet = await lab.stats('switch');
  const clients = live(lab, LIVE_CLIENTS, FLOOD_SECONDS);
  const { sent, answered } = await flood(lab, rate, FLOOD_SECONDS - 1);
  const during = await lab.stats('switch');
  const outcome = await clients;
  report.note(`${sent} forged SYNs at ${rate}/s, ${answered} answered`);
  checkLive(report, 'a SYN flood', outcome);
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
