// What a row of the comparison says: its figures beside each other, and the ratios to HAProxy's.
import { median, type Sheet } from '../report/sheet.ts';
import { KIB, MIB, type Spent } from './load.ts';
import type { FrontEnd } from './rivals.ts';

export interface Row {
  /** what is special about it, with a comma behind */
  what: string;
  bytes: number;
  keepAlive: boolean;
  /** baton's first, HAProxy's second */
  spent: Map<FrontEnd, Spent[]>;
}

export function sizeText(bytes: number): string {
  return bytes < MIB ? `${bytes / KIB} KiB` : `${bytes / MIB} MiB`;
}

function subjectOf({ what, bytes, keepAlive }: Row): string {
  return `proxy ${what}${sizeText(bytes)}${keepAlive ? ' keep-alive' : ''}`;
}

/** [what, unit, value]: the ratio of each of them is shown. */
const MEASURES: [string, string, (spent: Spent) => number][] = [
  ['front-end CPU', 'us/request', ({ front }) => front],
  ['CPU of all hosts', 'us/request', ({ all }) => all],
  ['requests', 'requests/s', ({ requests, seconds }) => requests / seconds],
  ['p50', 'ms', ({ p50 }) => p50],
  ['p99', 'ms', ({ p99 }) => p99],
  ['client packets', 'packets/MiB', ({ clientPackets }) => clientPackets],
];

function asked({ what, bytes, keepAlive }: Row, measure: string): string | undefined {
  if (what !== '') return undefined;
  if (measure === 'CPU of all hosts') return bytes >= 100 * KIB ? 'at most 1' : undefined;
  if (measure !== 'front-end CPU') return undefined;
  if (bytes === KIB) return keepAlive ? 'at most 0.5' : 'at most 1';
  return bytes === 100 * KIB ? 'at most 0.2' : bytes === MIB ? 'at most 0.15' : undefined;
}

export function tell(sheet: Sheet, row: Row): void {
  for (const [name, unit, valueOf] of MEASURES) {
    const subject = `${subjectOf(row)}, ${name}`;
    const medians: number[] = [];
    for (const [{ name: form, version }, spent] of row.spent) {
      const samples = spent.map(valueOf);
      sheet.figure({ subject, form, unit, samples, ...(version !== undefined && { version }) });
      medians.push(median(samples));
    }
    sheet.ratio(subject, medians[0]! / medians[1]!, asked(row, name));
  }
  if (asked(row, 'front-end CPU')) tellThreads(sheet, row);
  const perGb = [...row.spent].map(([{ name }, spent]) => {
    const ms = median(spent.map(({ front }) => front)) / (row.bytes / MIB);
    return `${name} ${((ms * 1024) / 1e6).toFixed(3)}`;
  });
  if (row.bytes >= MIB) sheet.note(`${subjectOf(row)}, front-end CPU s/GiB: ${perGb.join(', ')}`);
}

/** The profile behind the front end's figure. */
function tellThreads(sheet: Sheet, row: Row): void {
  const forms = [...row.spent].map(([{ name }, spent]) => {
    const kinds = [...spent[0]!.threads.keys()].map((kind) => {
      const us = median(spent.map(({ threads }) => threads.get(kind) ?? 0));
      return `${kind} ${us.toFixed(1)}`;
    });
    return `${name}: ${kinds.join(', ')}`;
  });
  sheet.note(`${subjectOf(row)}, us of the front end's CPU per request: ${forms.join('; ')}`);
}

/** The object size from which on the front end costs less than HAProxy's. */
export function crossover(rows: Row[]): string {
  const ratios = rows.map(({ bytes, spent }) => {
    const [ours, rival] = [...spent.values()].map((each) => median(each.map(({ front }) => front)));
    return { bytes, ratio: ours! / rival! };
  });
  const way = `${rows[0]!.what}${rows[0]!.keepAlive ? 'keep-alive' : 'a connection for each'}`;
  const first = ratios.findIndex(({ ratio }) => ratio <= 1);
  if (first < 0) return `crossover, ${way}: none up to ${sizeText(ratios.at(-1)!.bytes)}`;
  const above = ratios[first]!;
  if (first === 0) return `crossover, ${way}: below ${sizeText(above.bytes)}`;
  const below = ratios[first - 1]!;
  const part = Math.log(below.ratio) / Math.log(below.ratio / above.ratio);
  const bytes = below.bytes * (above.bytes / below.bytes) ** part;
  return `crossover, ${way}: about ${(bytes / KIB).toFixed(1)} KiB`;
}
