// The core against itself: IPv6 beside IPv4, with a writer beside without, several workers beside one, the
// papers' lock for every packet beside the version word.
import { availableParallelism } from 'node:os';
import * as L from '../../assembly/layout.ts';
import {
  COUNTER_LOCK_WAITS,
  COUNTER_LOOKUP_RETRIES,
  COUNTER_RECEIVED,
} from '../../assembly/verdict.ts';
import { tableView } from '../../src/admin/views.ts';
import { Connections } from '../../src/connections.ts';
import { minimum, type Sheet } from '../report/sheet.ts';
import { createLoad, type Load, type LoadShape } from './load.ts';
import { measurePasses } from './pass.ts';
import { Threads } from './threads.ts';

type Round = () => number | Promise<number>;

/** Rounds of both in turn, the first of each to warm up; samples of both, and the minima's ratio. */
async function inTurn(
  sheet: Sheet,
  subject: string,
  forms: Record<string, Round>,
  rounds: number,
): Promise<number[]> {
  const samples = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [form, measure] of Object.entries(forms)) {
      const ns = await measure();
      if (round > 0) samples.set(form, [...(samples.get(form) ?? []), ns]);
    }
  }
  for (const [form, found] of samples) {
    sheet.figure({ subject, form, unit: 'ns/packet', samples: found });
  }
  return [...samples.values()].map(minimum);
}

export async function compareFamilies(
  sheet: Sheet,
  subject: string,
  shape: LoadShape,
  rounds: number,
): Promise<void> {
  const four = await createLoad({ ...shape, family: 4 });
  const six = await createLoad({ ...shape, family: 6 });
  const forms = { IPv4: () => measurePasses(four), IPv6: () => measurePasses(six) };
  const [ns4, ns6] = await inTurn(sheet, subject, forms, rounds);
  sheet.ratio(subject, ns6! / ns4!);
}

export async function comparePaper(
  sheet: Sheet,
  subject: string,
  shape: LoadShape,
  rounds: number,
): Promise<void> {
  const keyed = await createLoad(shape);
  const paper = await createLoad(shape, { table: 'paper' });
  const forms = { keyed: () => measurePasses(keyed), paper: () => measurePasses(paper) };
  const [nsKeyed, nsPaper] = await inTurn(sheet, subject, forms, rounds);
  sheet.ratio(subject, nsPaper! / nsKeyed!);
}

/** A second thread makes and ends 10,000 connections a second. */
export async function compareChurn(
  sheet: Sheet,
  subject: string,
  shape: LoadShape,
  rounds: number,
): Promise<void> {
  const load = await createLoad(shape, { workers: 2 });
  const threads = new Threads(load);
  await threads.start('churn', 1);
  let churnedMs = 0;
  const churning = (isOn: boolean) => async (): Promise<number> => {
    threads.churn(isOn);
    const begin = performance.now();
    const ns = measurePasses(load);
    if (isOn) churnedMs += performance.now() - begin;
    threads.churn(false);
    await new Promise((resolve) => setTimeout(resolve, 2)); // until it has seen that
    return ns;
  };
  const forms = { 'nobody writes': churning(false), 'a writer': churning(true) };
  const [without, beside] = await inTurn(sheet, subject, forms, rounds);
  await threads.stop();
  sheet.ratio(subject, beside! / without!);
  const rate = Math.round((threads.churned / churnedMs) * 1000);
  sheet.note(`${subject}: the writer made ${rate} connections/s`);
}

/** Workers forward their own copies of the packets. The ratio is how many times one's rate two have. */
export async function compareWorkers(
  sheet: Sheet,
  subject: string,
  shape: LoadShape,
  rounds: number,
): Promise<void> {
  const workers = availableParallelism();
  if (workers < 2) return sheet.note(`${subject}: there is one processor only`);
  const threads = new Threads(await createLoad(shape, { workers }));
  for (let worker = 0; worker < workers; worker += 1) await threads.start('forward', worker);
  const forms: Record<string, Round> = {};
  for (let count = 1; count <= workers; count += 1) {
    forms[count === 1 ? 'one worker' : `${count} workers`] = () => threads.forward(count);
  }
  const [one, two] = await inTurn(sheet, subject, forms, rounds);
  await threads.stop();
  sheet.ratio(subject, one! / two!);
}

/** What two workers over the same few connections and a writer wait for each other. */
export async function compareLocks(
  sheet: Sheet,
  subject: string,
  shape: LoadShape,
  rounds: number,
): Promise<void> {
  const loads: Record<string, Load> = {
    keyed: await createLoad(shape, { workers: 3 }),
    paper: await createLoad(shape, { workers: 3, table: 'paper' }),
  };
  const forms: Record<string, Round> = {};
  const all: Threads[] = [];
  for (const [table, load] of Object.entries(loads)) {
    const threads = new Threads(load);
    await threads.start('forward', 0);
    await threads.start('forward', 1);
    await threads.start('churn', 2);
    all.push(threads);
    forms[table] = async () => {
      threads.churn(true);
      const ns = await threads.forward(2);
      threads.churn(false);
      return ns;
    };
  }
  const [keyed, paper] = await inTurn(sheet, subject, forms, rounds);
  for (const threads of all) await threads.stop();
  sheet.ratio(subject, paper! / keyed!);
  for (const [table, load] of Object.entries(loads))
    sheet.note(`${subject}, ${table}: ${waits(load)}`);
}

function waits({ core }: Load): string {
  const first = core.view.getUint32(L.HEADER_WORKER_BASE, true) + L.WORKER_COUNTERS;
  const counted = (counter: number): number => {
    const read = (worker: number): bigint =>
      core.view.getBigUint64(first + worker * L.WORKER_SIZE + counter * 8, true);
    return Number(read(0) + read(1));
  };
  const millions = counted(COUNTER_RECEIVED) / 1e6;
  const perMillion = (count: number): string => (count / millions).toFixed(1);
  const { bucketWaits } = tableView(new Connections(core.memory.buffer));
  return (
    `in a million packets readers read again ${perMillion(counted(COUNTER_LOOKUP_RETRIES))} times ` +
    `and waited ${perMillion(counted(COUNTER_LOCK_WAITS))} times for a lock; ` +
    `buckets were found locked ${perMillion(bucketWaits)} times`
  );
}
