// What a comparison measured: said on the terminal as it goes, and as JSON for the report of `npm run bench`.
import { writeFileSync } from 'node:fs';
import { thisMachine, type Machine } from './machine.ts';

/** All samples of one form (baton's or a rival's) on one subject. */
export interface Figure {
  /** what was measured, the same words for all forms: "1 k uniform, streaming" */
  subject: string;
  /** who did it: "core", "gcc scalar", "HAProxy" */
  form: string;
  /** of the rival's program or compiler */
  version?: string;
  /** of the samples: "ns/packet", "us/request", "packets/CPU s" */
  unit: string;
  /** one a round, in the order of the rounds */
  samples: number[];
}

/** Ours over the rival's (or the other way round: `unit` says), of figures of one run. */
export interface Ratio {
  subject: string;
  value: number;
  /** "at most 1.3", "at least 0.8"; missing: shown, not asked for */
  asked?: string;
}

export interface SheetContent {
  name: string;
  about: string;
  figures: Figure[];
  ratios: Ratio[];
  notes: string[];
  machine: Machine;
  /** when it began, ISO 8601 */
  begun: string;
  seconds: number;
}

export function minimum(samples: readonly number[]): number {
  return Math.min(...samples);
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** 1 = exactly what was asked, less is better; undefined: nothing was. */
export function goodness({ value, asked }: Ratio): number | undefined {
  const [, way, limit] = /^at (most|least) ([0-9.]+)/.exec(asked ?? '') ?? [];
  if (limit === undefined) return undefined;
  return way === 'most' ? value / Number(limit) : Number(limit) / value;
}

/** The sheet of one comparison (a program of bench/). */
export class Sheet {
  readonly #content: SheetContent;

  /** `about` is one sentence for the report: what is compared, and how. */
  constructor(name: string, about: string) {
    const begun = new Date().toISOString();
    const machine = thisMachine();
    this.#content = { name, about, figures: [], ratios: [], notes: [], machine, begun, seconds: 0 };
  }

  figure(figure: Figure): void {
    this.#content.figures.push(figure);
  }

  /** Prints the subject's figures and, last on the line, the ratio that `npm run acceptance` reads. */
  ratio(subject: string, value: number, asked?: string): void {
    this.#content.ratios.push({ subject, value, ...(asked === undefined ? {} : { asked }) });
    const figures = this.#content.figures
      .filter((figure) => figure.subject === subject)
      .map(({ form, unit, samples }) => `${form} ${roundText(minimum(samples))} ${unit}`);
    console.log(`${subject}: ${figures.join(', ')}; ratio ${value.toFixed(2)}`);
    this.#write();
  }

  note(text: string): void {
    this.#content.notes.push(text);
    console.log(text);
  }

  finish(): void {
    this.#write();
  }

  /** To the file that BENCH_SHEET names, when it names one; after each ratio, for one that is cut short. */
  #write(): void {
    const file = process.env['BENCH_SHEET'];
    this.#content.seconds = Math.round((Date.now() - Date.parse(this.#content.begun)) / 1000);
    if (file !== undefined) writeFileSync(file, JSON.stringify(this.#content, undefined, 2));
  }
}

/** Four significant digits. */
export function roundText(value: number): string {
  return value >= 1000 ? Math.round(value).toString() : Number(value.toPrecision(4)).toString();
}
