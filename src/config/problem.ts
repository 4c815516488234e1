// What is wrong in a configuration, and where.

/** Keys and list indexes from the file's top. */
export type Path = readonly (string | number)[];

export interface Problem {
  path: Path;
  /** `key`: shown at the path's key; `value` (default): at its value */
  at?: 'key' | 'value';
  /** completes "file:line:column: path: " */
  text: string;
}

/** One line per problem in `problems`; they are the message, too. */
export class ConfigError extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** `services[0].port` */
export function formatPath(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}

/** A found value in an error's words. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'keys and values';
  if (typeof value === 'string') return JSON.stringify(cut(value));
  if (typeof value === 'number') return `the number ${value}`;
  return cut(String(value));
}

function cut(text: string): string {
  return text.length > 70 ? `${text.slice(0, 67)}...` : text;
}
