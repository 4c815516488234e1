// A configuration file's plain data, also where the schema refuses it.
import { parsePrefix, type Prefix } from './address.ts';
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

export interface PlacedPrefix extends Prefix {
  path: Path;
}

/** Those of `holder[key]` that can be read, with what is wrong about each; `spareBits`: below them. */
export function prefixesOf(
  holder: Loose,
  base: Path,
  key: string,
  problems: Problem[],
  spareBits = 2,
): PlacedPrefix[] {
  const once = new Once(problems);
  return texts(holder[key]).flatMap(([index, value]): PlacedPrefix[] => {
    const path = [...base, key, index];
    const prefix = parsePrefix(value);
    if (!prefix) return [];
    const bits = prefix.network.length * 8;
    once.add(`an ${bits === 32 ? 'IPv4' : 'IPv6'} prefix`, path);
    if (prefix.length < 8 || prefix.length > bits - spareBits) {
      const text = `expected a prefix length of 8 to ${bits - spareBits}, found ${prefix.length}`;
      problems.push({ path, text });
    }
    return [{ ...prefix, path }];
  });
}
