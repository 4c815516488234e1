import type { Report } from '../support/report.ts';
import type { TestLab } from '../support/lab.ts';
import { ACK_PORT, LIVE, SYN_PORT, figures, greatest, table, withServices } from './lab.ts';
import * as floods from './senders.ts';

const TRIAL_SECONDS = 1;
const SYNS = 100_000;
/** at least and at most */
const SYN_SECONDS = [10, 25] as const;
const FORGED_ACKS = 1_000_000;
const MOST_ACKS_PER_SECOND = 100_000;
/** JavaScript's heap grows by some with the live clients' work. */
const FLAT_MB = 64;

export async function checkSyns(
  report: Report,
  lab: TestLab,
  what: string,
  port: number,
): Promise<void> {
  const free = await floods.lossFreeRate(report, (rate) =>
    floods.flood(lab, rate, TRIAL_SECONDS, port),
  );
  const rate = free / 2;
  const [least, most] = SYN_SECONDS;
  const seconds = Math.min(most, Math.max(least, Math.ceil(SYNS / rate)));
  const quiet = await floods.memoryOf(lab);
  const before = await table(lab);
  const clients = floods.live(lab, LIVE, seconds + 1, port);
  const sender = floods.flood(lab, rate, seconds, port);
  const greatestPart = await greatest(lab, ({ table: { unproven } }) => unproven, sender);
  const { sent } = await sender;
  const after = await table(lab);
  const outcome = await clients;
  report.note(`${what}: ${sent} sent at ${rate}/s`);
  floods.checkLive(report, what, outcome);
  const bound = Math.min(after.unprovenLimit, after.entries / 10);
  report.check(
    `${what}: half-open entries within a tenth of the table`,
    greatestPart <= bound && (port !== SYN_PORT || greatestPart > 0),
    `${greatestPart} at most of ${bound}, table of ${after.entries}`,
  );
  const grown = after.used - before.used;
  const expected = outcome.requests + bound + LIVE;
  report.check(`${what}: the table grew by live clients only`, grown <= expected, grown);
  const { now, peak } = await floods.memoryOf(lab);
  const memory = `${quiet.now} MB before, ${now} MB after, ${peak} MB at most`;
  report.check(`${what}: memory is flat`, now - quiet.now < FLAT_MB, memory);
}

export async function checkForgedAcks(report: Report, lab: TestLab): Promise<void> {
  const free = await floods.lossFreeRate(report, (rate) =>
    floods.forgedAcks(lab, rate, TRIAL_SECONDS),
  );
  const rate = Math.min(MOST_ACKS_PER_SECOND, free / 2);
  const seconds = Math.ceil(FORGED_ACKS / rate);
  const before = await lab.stats('switch');
  const clients = floods.live(lab, LIVE, seconds + 1);
  const { sent, answered } = await floods.forgedAcks(lab, rate, seconds, FORGED_ACKS);
  const outcome = await clients;
  const after = await lab.stats('switch');
  const share = `${sent} sent at ${rate}/s, ${answered} seen to be forged`;
  report.check(`forged ACKs: ${FORGED_ACKS} or more`, sent >= FORGED_ACKS * 0.99, share);
  floods.checkLive(report, 'forged ACKs', outcome);
  // of 2^24 guesses one is right, in any of three epochs
  const accepted =
    after.total.counters['cookiesAccepted']! - before.total.counters['cookiesAccepted']!;
  const guessed = accepted - outcome.requests;
  report.check('forged ACKs: hardly any opens a connection', guessed <= 5, `${guessed}`);
}

/** A full table: those that only sent a SYN go, proven clients come in. */
export async function checkEviction(report: Report): Promise<void> {
  await withServices('switch: { connections: 1024, halfOpen: 100 }', async (lab) => {
    await floods.flood(lab, 2000, 1, SYN_PORT);
    const { unproven, unprovenLimit } = await table(lab);
    report.check(
      'full table: half-open ones to begin with',
      unproven > 0 && unproven <= unprovenLimit,
      `${unproven} of ${unprovenLimit}`,
    );
    const count = 1000;
    await floods.handshakes(lab, { population: 'nat', count, rate: 400, port: ACK_PORT });
    const { states, entries } = await table(lab);
    const { unprovenEvicted } = await figures(lab);
    const open = (states['forward'] ?? 0) + (states['held'] ?? 0) + (states['draining'] ?? 0);
    report.check('full table: half-open ones were evicted', unprovenEvicted > 0, unprovenEvicted);
    report.check('full table: proven clients are in', open >= count, `${open} of ${entries}`);
  });
}
