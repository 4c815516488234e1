// The schema's findings in a person's words.
import { z } from 'zod';
import { suggestion } from './nearest.ts';
import { describeValue } from './problem.ts';
import type { Path, Problem } from './problem.ts';

/** The value at a path of plain data; undefined when there is none. */
export function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const part of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = Object.hasOwn(found, part)
      ? (found as Record<string | number, unknown>)[part]
      : undefined;
  }
  return found;
}

/** Keys that the schema allows at a path. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  let found: unknown = schema;
  const peel = (): void => {
    while (
      found instanceof z.ZodOptional ||
      found instanceof z.ZodDefault ||
      found instanceof z.ZodPrefault
    ) {
      found = found.unwrap();
    }
    if (found instanceof z.ZodUnion) {
      found = found.options.find((option) => option instanceof z.ZodObject);
    }
  };
  peel();
  for (const part of path) {
    if (found instanceof z.ZodArray) found = found.element;
    else if (found instanceof z.ZodObject) found = found.shape[part];
    else return [];
    peel();
  }
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** Of a key that may be a word or a section: what is wrong within the section that stands there. */
function issuesWithin(raw: unknown, issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  const value = valueAt(raw, issue.path as Path);
  if (issue.code !== 'invalid_union' || typeof value !== 'object' || value === null) return [];
  return (issue.errors.at(-1) ?? []).map((each) => {
    return { ...each, path: [...issue.path, ...each.path] };
  });
}

/** Words that are allowed. */
function wordsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_union') return issue.errors.flat().flatMap(wordsOf);
  return issue.code === 'invalid_value' ? issue.values.map(String) : [];
}

function problemsOf(schema: z.ZodType, raw: unknown, issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path as Path;
  const inner = issuesWithin(raw, issue);
  if (inner.length > 0) return inner.flatMap((each) => problemsOf(schema, raw, each));
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: 'key',
      text: `unknown key "${key}"${suggestion(key, known)}`,
    }));
  }
  const value = valueAt(raw, path);
  const last = path.at(-1);
  if (value === undefined && typeof last === 'string') {
    const text = `key "${last}" is missing: expected ${issue.message}`;
    return [{ path: path.slice(0, -1), at: 'key', text }];
  }
  const values = wordsOf(issue);
  const meant = typeof value === 'string' && values.length > 1 ? suggestion(value, values) : '';
  const guess = meant.startsWith('; did') ? meant : '';
  return [{ path, text: `expected ${issue.message}, found ${describeValue(value)}${guess}` }];
}

/** Everything that the schema has against the data. */
export function schemaProblems(schema: z.ZodType, raw: unknown, error: z.ZodError): Problem[] {
  const problems = error.issues.flatMap((issue) => problemsOf(schema, raw, issue));
  // several checks of one value say the same
  const seen = new Set<string>();
  return problems.filter((problem) => {
    const line = `${problem.path.join('/')} ${problem.text}`;
    return !seen.has(line) && seen.add(line);
  });
}
