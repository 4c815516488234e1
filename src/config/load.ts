// Reads a configuration file: its Config, or every mistake with its place.
import { readFileSync } from 'node:fs';
import { LineCounter, isMap, isNode, isPair, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { resolveConfig } from './config.ts';
import type { Config } from './config.ts';
import { crossCheck } from './cross-check.ts';
import { restartProblems } from './difference.ts';
import { ConfigError, formatPath } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import { configSchema } from './schema.ts';
import { schemaProblems } from './schema-problems.ts';
import { checkTls } from './tls-check.ts';

/**
 * Offset in the text at which a path's key or value stands; that of its parent when it is not
 * there.
 */
function offsetOf(document: Document, path: Path, at: 'key' | 'value'): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find((item) => isPair(item) && String(item.key) === String(last))
      : undefined;
    const key = isNode(pair?.key) ? pair.key.range?.[0] : undefined;
    const node: unknown = document.getIn(path.slice(0, length), true);
    const value = isNode(node) ? node.range?.[0] : undefined;
    const wanted = at === 'key' || length < path.length ? (key ?? value) : (value ?? key);
    if (wanted !== undefined) return wanted;
  }
  return 0;
}

function reported(
  file: string,
  document: Document,
  lines: LineCounter,
  problems: Problem[],
): ConfigError {
  const placed = problems.map((problem) => {
    const offset = offsetOf(document, problem.path, problem.at ?? 'value');
    const { line, col } = lines.linePos(offset);
    const where = problem.path.length === 0 ? '' : `${formatPath(problem.path)}: `;
    return { offset, text: `${file}:${line}:${col}: ${where}${problem.text}` };
  });
  placed.sort((first, second) => first.offset - second.offset);
  return new ConfigError(placed.map(({ text }) => text));
}

export interface LoadOptions {
  /** instead of the file's number of workers */
  workers?: number | undefined;
  /** with this configuration a program runs now: what it cannot take is a mistake, too */
  running?: Config | undefined;
}

/** Parses the text of `file` (for messages and relative paths). Throws ConfigError. */
export function parseConfig(text: string, file: string, options: LoadOptions = {}): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        return `${file}:${line}:${col}: not YAML: ${error.message}`;
      }),
    );
  }
  let raw: unknown;
  try {
    raw = document.toJS();
  } catch (error) {
    throw new ConfigError([`${file}:1:1: not YAML: ${(error as Error).message}`]);
  }
  const result = configSchema.safeParse(raw);
  const problems = result.success ? [] : schemaProblems(configSchema, raw, result.error);
  problems.push(...crossCheck(raw));
  if (!result.success || problems.length > 0) throw reported(file, document, lines, problems);
  const { workers = result.data.workers, running } = options;
  const config = { ...resolveConfig(file, result.data), workers };
  const others = [...checkTls(config), ...(running ? restartProblems(running, config) : [])];
  if (others.length > 0) throw reported(file, document, lines, others);
  return config;
}

/** Reads and checks a file. Throws ConfigError with every mistake found. */
export function loadConfig(file: string, options: LoadOptions = {}): Config {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'no such file' : `can not be read (${code})`;
    throw new ConfigError([`${file}: ${why}`]);
  }
  return parseConfig(text, file, options);
}
