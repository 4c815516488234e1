import { WORKER_COUNTERS, WORKER_HEARTBEAT, WORKER_OWNER } from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import { workerAddress } from '../workers/rings.ts';

/** Figures by name: `received`, `bytesForwarded` ... (COUNTER_*). */
export type Counters = Record<string, number>;

export interface WorkerFigures {
  worker: number;
  /** owner id of its present thread */
  owner: number;
  /** passes made, mod 2^32 */
  heartbeat: number;
  counters: Counters;
  /** packets dropped by reason (DROP_*): `not-service`, `bad-cookie` ...; reasons that occurred */
  drops: Record<string, number>;
}

function words(name: string, prefix: string): string[] {
  return name.slice(prefix.length).toLowerCase().split('_');
}

function namesOf(prefix: string, join: (words: string[]) => string): [string, number][] {
  return Object.entries(V)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [join(words(name, prefix)), value]);
}

const camel = (parts: string[]): string =>
  parts.map((part, at) => (at === 0 ? part : part[0]?.toUpperCase() + part.slice(1))).join('');

const COUNTER_NAMES = namesOf('COUNTER_', camel).filter(([name]) => name !== 'drops');
const DROP_NAMES = namesOf('DROP_', (parts) => parts.join('-')).filter(
  ([name]) => name !== 'reason-limit',
);

/** Reads one worker's counters from the shared memory. */
export function workerFigures(view: DataView, worker: number): WorkerFigures {
  const record = workerAddress(view, worker);
  const counter = (index: number): number =>
    Number(view.getBigUint64(record + WORKER_COUNTERS + index * 8, true));
  const drops = DROP_NAMES.map(([name, reason]): [string, number] => [
    name,
    counter(V.COUNTER_DROPS + reason),
  ]);
  return {
    worker,
    owner: view.getUint32(record + WORKER_OWNER, true),
    heartbeat: view.getUint32(record + WORKER_HEARTBEAT, true),
    counters: Object.fromEntries(COUNTER_NAMES.map(([name, index]) => [name, counter(index)])),
    drops: Object.fromEntries(drops.filter(([, count]) => count > 0)),
  };
}

/** Adds figures up, name by name. */
export function sum(figures: Counters[]): Counters {
  const total: Counters = {};
  for (const one of figures) {
    for (const [name, value] of Object.entries(one)) total[name] = (total[name] ?? 0) + value;
  }
  return total;
}
