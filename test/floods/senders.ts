// Senders that a test turns loose on a lab's switch, and the clients that must not notice.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartView, StatsView } from '../../src/admin/views.ts';
import type { TestLab } from '../support/lab.ts';
import type { Population } from '../support/populations.ts';
import { programFile } from '../support/programs.ts';
import type { Report } from '../support/report.ts';

/** all populations are in it */
const STRANGERS = '198.18.0.0/15';
const LOSS_FREE_SHARE = 0.99;
const TRIALS = 3;
const SENT_SHARE = 0.9;
const P99_MS = 3500;
const RATES = [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000];
/** Answers on their way when a sender ends. */
const SETTLE_MS = 300;

/** Runs one of test/programs in the client's host; what it printed. */
export async function runProgram<Printed>(
  lab: TestLab,
  name: string,
  args: readonly (string | number)[],
  seconds: number,
): Promise<Printed> {
  const command = ['node', programFile(name), ...args.map(String)];
  const run = await lab.run('client', command, { timeout: (seconds + 30) * 1000 });
  if (run.status !== 0) throw new Error(`${name}: status ${run.status}: ${run.stderr.slice(-500)}`);
  return JSON.parse(run.stdout) as Printed;
}

type Total = PartView['total'];

/** How many a sender sent, and how many of them the switch took as it should. */
export interface Taken {
  sent: number;
  answered: number;
}

export const dropsOf = async (lab: TestLab, reason: string): Promise<number> =>
  (await lab.stats('switch')).total.drops[reason] ?? 0;

/** Forged SYNs from 100,000 addresses; answered ones got a SYN-ACK or went to a server. */
export function flood(lab: TestLab, rate: number, seconds: number, port = 80): Promise<Taken> {
  const settled = ({ counters }: Total): number =>
    (counters['cookiesSent'] ?? 0) + (counters['toControl'] ?? 0);
  return forge(lab, ['--flags', 'syn'], { rate, seconds, port }, settled);
}

/** Forged ACKs from as many; answered ones were seen to belong to no connection. */
export function forgedAcks(lab: TestLab, rate: number, seconds: number, count = 0): Promise<Taken> {
  // control asks servers about a few of them
  const settled = ({ counters, drops }: Total): number =>
    (drops['bad-cookie'] ?? 0) + (counters['toControl'] ?? 0);
  const args = ['--flags', 'ack', '--count', count];
  return forge(lab, args, { rate, seconds, port: 80 }, settled);
}

async function forge(
  lab: TestLab,
  args: (string | number)[],
  { rate, seconds, port }: { rate: number; seconds: number; port: number },
  settled: (total: Total) => number,
): Promise<Taken> {
  const seen = async (): Promise<number> => settled((await lab.stats('switch')).total);
  const before = await seen();
  const held = ['--to', `192.0.2.80:${port}`, '--rate', rate, '--seconds', seconds];
  const { sent } = await runProgram<Taken>(lab, 'raw-sender', [...args, ...held], 3 * seconds);
  await sleep(SETTLE_MS);
  return { sent, answered: (await seen()) - before };
}

export interface Handshakes {
  syns: number;
  completed: number;
  synAcks: number;
  fins: number;
  resets: number;
  seconds: number;
}

export interface HandshakeOptions {
  population?: Population;
  count: number;
  /** of the population's clients, the first that comes */
  first?: number;
  rate: number;
  payload?: string;
  port?: number;
  rounds?: number;
  finish?: boolean;
}

/** Clients of a population that complete their handshakes; see test/programs/handshakes.ts. */
export function handshakes(lab: TestLab, options: HandshakeOptions): Promise<Handshakes> {
  const { population = 'one-port', count, rate, payload = '', port = 80 } = options;
  const { first = 0, rounds = 3, finish = false } = options;
  const args = ['--to', `192.0.2.80:${port}`, '--population', population, '--count', count];
  const from = ['--first', first];
  const how = ['--rate', rate, '--payload', payload, '--rounds', rounds];
  const seconds = (2 * count) / rate + rounds;
  return runProgram(
    lab,
    'handshakes',
    [...args, ...from, ...how, ...(finish ? ['--finish'] : [])],
    seconds,
  );
}

/** The switch's packets to their addresses come back to the client's host, whose kernel drops them. */
export async function routeStrangers(lab: TestLab): Promise<void> {
  await lab.run('client', ['ip', 'route', 'replace', 'blackhole', STRANGERS]);
  await lab.run('router', ['ip', 'route', 'replace', STRANGERS, 'via', '10.80.1.2']);
}

/**
 * Highest tried rate of which nearly everything was taken. Another program of the machine may spoil a
 * trial: three in a row must fail. Throws when there is none.
 */
export async function lossFreeRate(
  report: Report,
  trial: (rate: number) => Promise<Taken>,
  least = 4000,
): Promise<number> {
  let best = 0;
  for (const rate of RATES.filter((one) => one >= least)) {
    const shares: number[] = [];
    while (shares.length < TRIALS && !(shares.at(-1)! >= LOSS_FREE_SHARE)) {
      const { sent, answered } = await trial(rate);
      // a sender that does not come to the rate has not tried it
      shares.push(sent < rate * SENT_SHARE ? 0 : answered / sent);
    }
    report.note(`${rate}/s: ${shares.map((share) => (share * 100).toFixed(1)).join(', ')} % taken`);
    if (shares.at(-1)! < LOSS_FREE_SHARE) break;
    best = rate;
  }
  if (best === 0) throw new Error('no rate without loss was found');
  return best;
}

export interface LiveOutcome {
  requests: number;
  failed: string[];
  medianMs: number;
  p99Ms: number;
}

/** That many clients make requests one after the other for so long. */
export function live(
  lab: TestLab,
  count: number,
  seconds: number,
  port = 80,
): Promise<LiveOutcome> {
  const url = port === 80 ? lab.environment['BATON_URL']! : `http://192.0.2.80:${port}`;
  return runProgram(lab, 'live-clients', [url, count, seconds], seconds);
}

/** No request of theirs failed, and hardly any was slow. */
export function checkLive(report: Report, during: string, outcome: LiveOutcome): void {
  const { requests, failed, medianMs, p99Ms } = outcome;
  report.check(
    `${during}: ${requests} requests of live clients, none failed`,
    requests > 100 && failed.length === 0,
    failed.length === 0 ? '' : `${failed.length}: ${failed.slice(0, 3).join('; ')}`,
  );
  const times = `p99 ${p99Ms} ms, median ${medianMs} ms`;
  report.check(`${during}: live clients' p99 under ${P99_MS} ms`, p99Ms < P99_MS, times);
}

/** MB that the switch's process has, and had at most. */
export async function memoryOf(lab: TestLab): Promise<{ now: number; peak: number }> {
  const { pid } = await lab.admin<StatsView>('switch', '/stats');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}
