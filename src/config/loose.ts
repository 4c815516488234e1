// A configuration file's plain data, also where the schema refuses it.
import { suggestion } from './nearest.ts';
import type { Path, Problem } from './problem.ts';

/** A mapping of the file. */
export type Loose = Record<string, unknown>;

export function section(value: unknown): Loose {
  return typeof value === 'object' && value !== null ? (value as Loose) : {};
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The texts of a list with their indexes. */
export function texts(value: unknown): [number, string][] {
  return list(value).flatMap((item, index): [number, string][] => {
    return typeof item === 'string' ? [[index, item]] : [];
  });
}

export function namesOf(items: unknown): string[] {
  return list(items).flatMap((item) => {
    const name = section(item)['name'];
    return typeof name === 'string' ? [name] : [];
  });
}

/** Remembers what was seen and names the second of two equal things. */
export class Once {
  readonly #seen = new Map<string, Path>();
  readonly #problems: Problem[];

  constructor(problems: Problem[]) {
    this.#problems = problems;
  }

  add(what: string, path: Path): void {
    if (this.#seen.has(what)) this.#problems.push({ path, text: `${what} stands here twice` });
    else this.#seen.set(what, path);
  }
}

export function checkReference(
  problems: Problem[],
  path: Path,
  kind: string,
  name: unknown,
  known: string[],
): void {
  if (typeof name !== 'string' || known.includes(name)) return;
  problems.push({ path, text: `unknown ${kind} "${name}"${suggestion(name, known)}` });
}
