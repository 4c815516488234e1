import type { Population } from '../support/populations.ts';
import type { Report } from '../support/report.ts';
import type { TestLab } from '../support/lab.ts';
import { LIVE, figures, greatest, table, withServices } from './lab.ts';
import * as floods from './senders.ts';

const TRIAL_SECONDS = 2;
const POPULATION = 1 << 17;
const STRANGERS = 100_000;
const LONGEST_CHAIN = 16;
/** a request's first bytes; the rest never comes */
export const HALF = `GET /never HTTP/1.1\r\nHost: example.org\r\nCookie: ${'c'.repeat(1000)}`;
/** no Host: answered with 400 */
export const REFUSED = 'GET / HTTP/1.1\r\n\r\n';
/** the longest head and what stands around it, for each half-read request that is held */
const HALF_READ_BYTES = 20 * 1024;
/** JavaScript's heap grows by some with the live clients' work. */
const HEAP_MB = 64;
const megabytes = (bytes: number): number => Math.round(bytes / 1e6);

/** Handshakes of which control took every one: a rate at which the switch keeps up. */
export async function freeHandshakes(
  report: Report,
  lab: TestLab,
  payload: string,
): Promise<number> {
  // from behind the others of the population, each once
  let first = POPULATION;
  const trial = async (rate: number): Promise<floods.Taken> => {
    const lost = (): Promise<number> => floods.dropsOf(lab, 'to-control-full');
    const before = await lost();
    const count = rate * TRIAL_SECONDS;
    first = (first < count ? POPULATION : first) - count;
    const { completed } = await floods.handshakes(lab, {
      count,
      first,
      rate,
      payload,
      rounds: 1,
    });
    return { sent: count, answered: completed - ((await lost()) - before) };
  };
  return floods.lossFreeRate(report, trial, 1000);
}

/** 50 live clients while 100,000 strangers complete a handshake and send `payload`. */
export async function strangers(
  report: Report,
  lab: TestLab,
  what: string,
  options: Omit<floods.HandshakeOptions, 'count'>,
): Promise<void> {
  const seconds = STRANGERS / options.rate;
  const clients = floods.live(lab, LIVE, seconds + 1);
  const done = await floods.handshakes(lab, { count: STRANGERS, ...options });
  report.check(
    `${what}: ${STRANGERS} handshakes completed`,
    done.completed >= STRANGERS - 2,
    `${done.completed} at ${options.rate}/s in ${done.seconds.toFixed(0)} s, ${done.syns} SYNs`,
  );
  floods.checkLive(report, what, await clients);
  const { resets, failedReasons } = await figures(lab);
  report.note(`resets ${JSON.stringify(resets)}, failed ${JSON.stringify(failedReasons)}`);
}

export async function checkHalfRead(report: Report, lab: TestLab, rate: number): Promise<void> {
  const quiet = await floods.memoryOf(lab);
  const before = await figures(lab);
  const work = strangers(report, lab, 'half-read requests', { rate, payload: HALF });
  const most = await greatest(lab, ({ control }) => control.openings['gathering'] ?? 0, work);
  const { halfReadLimit, halfReadEvicted } = await figures(lab);
  report.check(
    'half-read requests: the stated number is held',
    most === halfReadLimit,
    `${most} of ${halfReadLimit}`,
  );
  const dropped = halfReadEvicted - before.halfReadEvicted;
  report.check(
    'half-read requests: the oldest are dropped',
    dropped > 0 && dropped <= STRANGERS,
    dropped,
  );
  const { now, peak } = await floods.memoryOf(lab);
  const bound = megabytes(halfReadLimit * HALF_READ_BYTES) + HEAP_MB;
  report.check(
    `half-read requests: ${bound} MB for them at most`,
    peak - quiet.now <= bound,
    `${quiet.now} MB before, ${now} MB after, ${peak} MB at most`,
  );
}

/** Clients that take their 400 and end as they should leave closed entries for 10 s, others none. */
export async function checkRefused(
  report: Report,
  lab: TestLab,
  rate: number,
  finish: boolean,
): Promise<void> {
  const what = finish ? 'refused requests, ended' : 'refused requests, left open';
  const before = await figures(lab);
  const full = await floods.dropsOf(lab, 'to-control-full');
  const work = strangers(report, lab, what, { rate, payload: REFUSED, finish });
  const most = await greatest(lab, ({ table: { used } }) => used, work);
  const { entries } = await table(lab);
  const after = await figures(lab);
  const refused = (after.refused['400'] ?? 0) - (before.refused['400'] ?? 0);
  const lost = (await floods.dropsOf(lab, 'to-control-full')) - full;
  report.check(
    `${what}: answered with 400, or counted as dropped`,
    refused > 0 && refused + lost >= STRANGERS * 0.98,
    `${refused} answered, ${lost} dropped at the queue to control`,
  );
  const evicted = after.closedEvicted - before.closedEvicted;
  const cut = after.farewellsCut - before.farewellsCut;
  report.check(
    `${what}: a table of ${entries} turns nobody away`,
    after.tableFull === before.tableFull,
    `${most} used at most; ${evicted} closed ones evicted, ${cut} farewells cut`,
  );
}

export async function checkPopulation(
  report: Report,
  population: Population,
  rate: number,
): Promise<void> {
  const large = `switch: { connections: 524288 }\ntiming: { gatherTimeoutMs: 120000 }`;
  await withServices(large, async (lab) => {
    await strangers(report, lab, population, { population, rate });
    const { longestChain, halfOpen, entries } = await table(lab);
    report.check(
      `${population}: ${STRANGERS} are in the table`,
      halfOpen >= STRANGERS * 0.99,
      `${halfOpen} of ${entries}`,
    );
    const longest = longestChain <= LONGEST_CHAIN;
    report.check(`${population}: chains of at most ${LONGEST_CHAIN}`, longest, longestChain);
  });
}

/** The papers' table shows that these clients are what they should be. */
export async function checkPaperTable(report: Report): Promise<void> {
  const count = 500;
  await withServices(
    '',
    async (lab) => {
      await floods.handshakes(lab, { population: 'against-xor', count, rate: 1000 });
      const { longestChain } = await table(lab);
      report.check(
        "against-xor: in one chain of the papers' table",
        longestChain > 400,
        longestChain,
      );
    },
    { table: 'paper' },
  );
}
