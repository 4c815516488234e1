// Random operations by four threads, on the core as it is and on cores whose locks are left out.
import { compileCore } from '../../src/core.ts';
import { plantedModule } from '../planted/core.ts';
import { TABLE_MISTAKES, type TableMistake } from '../planted/core-mistakes.ts';
import { SLOW } from '../planted/slow-core.ts';
import type { Report } from '../support/report.ts';
import { stress } from './stress.ts';

const OPERATIONS = 1e7;
const MANY_KEYS = { own: 120, shared: 60 };
const MANY_CONNECTIONS = 256;
/** 16 in all: 4 threads with 2 of their own, 8 shared */
const FEW_KEYS = { own: 2, shared: 8 };
const FEW_CONNECTIONS = 8;
const FEW_BUCKETS = 1;
const ROUND_OPERATIONS = 200_000;
const BATCH = 8;
const UNCHANGED_OPERATIONS = 2e6;
const MISTAKE_OPERATIONS = 1e7;

type Table = 'keyed' | 'paper';

async function checkOperations(report: Report, table: Table): Promise<void> {
  const module = await compileCore();
  const options = { module, table, keys: MANY_KEYS, connections: MANY_CONNECTIONS };
  const started = Date.now();
  const outcome = await stress({ ...options, operations: OPERATIONS });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  report.check(
    `${table}: ${outcome.operations} random operations by 4 threads end equal to the plain table`,
    outcome.failures.length === 0 && outcome.operations >= OPERATIONS,
    outcome.failures.join('; ') ||
      `${outcome.forwarded} packets forwarded, each to the server of an entry, in ${seconds} s`,
  );
}

/** Rounds on fresh tables until something is wrong; operations made and what was wrong. */
async function untilWrong(
  module: WebAssembly.Module,
  table: Table,
  limit: number,
): Promise<{ operations: number; failures: string[] }> {
  const options = {
    module,
    table,
    keys: FEW_KEYS,
    connections: FEW_CONNECTIONS,
    buckets: FEW_BUCKETS,
  };
  let done = 0;
  for (let seed = 1; done < limit; seed += 100) {
    const round = {
      ...options,
      operations: ROUND_OPERATIONS,
      batch: BATCH,
      stopsAtFailure: true,
      seed,
    };
    const { operations, failures } = await stress(round);
    done += operations;
    if (failures.length > 0) return { operations: done, failures };
  }
  return { operations: done, failures: [] };
}

async function checkUnchanged(report: Report, table: Table): Promise<void> {
  for (const [what, module] of [
    ['as it is', await compileCore()],
    ['slow where threads meet', await plantedModule(SLOW, 'release')],
  ] as const) {
    const { operations, failures } = await untilWrong(module, table, UNCHANGED_OPERATIONS);
    report.check(
      `${table}: on 16 keys the core ${what} passes`,
      failures.length === 0,
      failures.join('; ') || `${operations} operations`,
    );
  }
}

async function checkMistake(report: Report, { table, name, changes }: TableMistake): Promise<void> {
  const module = await plantedModule([...SLOW, ...changes], 'release');
  const { operations, failures } = await untilWrong(module, table, MISTAKE_OPERATIONS);
  report.check(
    `${table}: on 16 keys the same core fails with ${name}`,
    failures.length > 0,
    failures.length > 0
      ? `after ${operations} operations: ${failures[0]}`
      : `not within ${operations} operations`,
  );
}

/** 10^7 operations in both table modes; on 16 keys what is right passes and what is wrong fails. */
export async function checkTable(report: Report): Promise<void> {
  for (const table of ['keyed', 'paper'] as const) {
    await report.part(`${table}: operations`, () => checkOperations(report, table));
    await report.part(`${table}: 16 keys`, () => checkUnchanged(report, table));
  }
  for (const mistake of TABLE_MISTAKES) {
    await report.part(mistake.name, () => checkMistake(report, mistake));
  }
}
