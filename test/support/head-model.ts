import * as C from '../../assembly/calls.ts';
import type { Random } from '../../src/lab/random.ts';

/** What a request head holds, as text (one character per byte). */
export interface Head {
  length: number;
  method: string;
  version: number;
  target: string;
  path: string;
  query: string | undefined;
  host: string;
  flags: number;
  contentLength: number;
  fields: [string, string][];
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]";
const LINE = `(?:\\r\\n)?(${TOKEN}{1,32}) ([\\x21-\\x7e]+) HTTP/1\\.([01])\\r\\n`;
const FIELD = `${TOKEN}+:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n`;
const HEAD = new RegExp(`^${LINE}((?:${FIELD})*)\\r\\n`);
const LABEL = '[-_~0-9A-Za-z]+';
const HOST = new RegExp(`^(${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:.]{2,}\\])(\\.?)(:[0-9]{0,5})?$`);
const PATH = /^(?:[^"#<>\\?%]|%(?!00)[0-9a-fA-F]{2})*$/;
const SPELLING = /%|;|\/\/|\/\.\.?(\/|$)/;

function hostOf(authority: string): string | undefined {
  const found = HOST.exec(authority);
  if (!found || Number((found[3] ?? ':0').slice(1)) > 65535) return undefined;
  return found[2] && authority.startsWith('[') ? undefined : found[1];
}

function valuesOf(fields: [string, string][], name: string): string[] {
  return fields.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

/** Path, query, host of a request target; undefined if it is none for that method. */
function readTarget(
  method: string,
  target: string,
): [string, string | undefined, string] | undefined {
  if (method === 'CONNECT' || target.includes('#')) return undefined;
  if (target === '*') return method === 'OPTIONS' ? ['*', undefined, ''] : undefined;
  const found = /^(?:https?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/i.exec(target)!;
  const [, authority, path, query] = found;
  if (!PATH.test(path!)) return undefined;
  if (authority === undefined) return path!.startsWith('/') ? [path!, query, ''] : undefined;
  const host = hostOf(authority);
  return host === undefined ? undefined : [path!, query, authority];
}

/** The obvious parser: undefined = refused. For text that ends in an empty line. */
export function readHead(text: string): Head | undefined {
  const found = HEAD.exec(text.slice(0, C.HEAD_LIMIT));
  if (!found) return undefined;
  const [whole, method, target, minor, lines] = found;
  const fields = lines!
    .split('\r\n')
    .slice(0, -1)
    .map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
    });
  const parts = readTarget(method!, target!);
  const hosts = valuesOf(fields, 'host');
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  const coding = new RegExp(`^(?:(?!chunked[ \\t]*,)${TOKEN}+[ \\t]*,[ \\t]*)*chunked$`, 'i');
  if (!parts || fields.length > C.HEAD_HEADER_LIMIT) return undefined;
  if (hosts.length > 1 || (hosts.length === 0 && minor === '1')) return undefined;
  if (hosts.some((host) => hostOf(host) === undefined)) return undefined;
  if (hosts[0] && parts[2] && hosts[0].toLowerCase() !== parts[2].toLowerCase()) return undefined;
  if (lengths.length > 1 || lengths.some((length) => !/^[0-9]{1,15}$/.test(length)))
    return undefined;
  if (codings.length > 1 || codings.some((one) => minor === '0' || !coding.test(one)))
    return undefined;
  if (codings.length + lengths.length > 1) return undefined;
  const options = valuesOf(fields, 'connection').flatMap((value) =>
    value.toLowerCase().split(new RegExp(`(?!${TOKEN}).`)),
  );
  const expects = valuesOf(fields, 'expect').map((value) => value.toLowerCase());
  const flag = (bit: number, set: boolean): number => (set ? bit : 0);
  return {
    length: whole!.length,
    method: method!,
    version: 10 + Number(minor),
    target: target!,
    path: parts[0],
    query: parts[1],
    host: hostOf(parts[2] || (hosts[0] ?? '')) ?? '',
    flags:
      flag(C.HEAD_FLAG_CHUNKED, codings.length > 0) |
      flag(C.HEAD_FLAG_CONTENT_LENGTH, lengths.length > 0) |
      flag(C.HEAD_FLAG_CLOSE, options.includes('close')) |
      flag(C.HEAD_FLAG_KEEP_ALIVE, options.includes('keep-alive')) |
      flag(C.HEAD_FLAG_UPGRADE, valuesOf(fields, 'upgrade').length > 0) |
      flag(C.HEAD_FLAG_EXPECT, expects.includes('100-continue')) |
      flag(C.HEAD_FLAG_PATH_SPELLING, SPELLING.test(parts[0])),
    contentLength: Number(lengths[0] ?? 0),
    fields,
  };
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'M-SEARCH'];
const SEGMENTS = [
  'a',
  'images',
  'index.html',
  '.well-known',
  '..',
  '.',
  '%41',
  'b;c=1',
  '',
  '...',
  '~u',
];
const HOSTS = [
  'a.example',
  'A.Example:80',
  'b.example.',
  '[::1]:8080',
  '192.0.2.80',
  'x_y:',
  'h.:1',
];
const FIELDS: [string, string[]][] = [
  ['Accept', ['*/*', 'text/html, application/xhtml+xml;q=0.9', '']],
  ['Connection', ['close', 'keep-alive', 'Upgrade, Close', 'x,,keep-alive ;']],
  ['Upgrade', ['websocket']],
  ['Expect', ['100-Continue', '100-continues']],
  ['Cookie', ['a=b; c=d', 'k=' + 'v'.repeat(70)]],
  ['X-Odd', ['tab\tin', '\u00e9\u00ff', 'a  b', '"']],
];

const NAME_BYTES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-------0123456789_.~!'*+";
const VALUE_BYTES = 'abcdefghijklmnopqrstuvwxyz0123456789 ;,=/"\t\u00e4';
const PATH_BYTES = 'abcdefghijklmnopqrstuvwxyz0123456789//..-_~';
const HOST_BYTES = 'abcdefghijklmnopqrstuvwxyz0123456789-';

/** Up to `longest` of the given bytes: vectors end everywhere in them. */
function run(random: Random, bytes: string, longest: number): string {
  let text = '';
  for (let left = random.below(longest + 1); left > 0; left--) {
    text += bytes[random.below(bytes.length)]!;
  }
  return text;
}

/** A head that is usually good: all forms of targets, hosts and framing. */
export function randomHead(random: Random): string {
  const segments = Array.from({ length: random.below(5) }, () => `/${random.pick(SEGMENTS)}`);
  const path = segments.join('') + (random.chance(0.2) ? `/${run(random, PATH_BYTES, 50)}` : '');
  const query = random.pick(['', '', '?', '?q=1&r=%zz', '?a=/b?c']);
  const long = `${run(random, HOST_BYTES, 20)}x.${run(random, HOST_BYTES, 30)}y.example`;
  const host = random.chance(0.2) ? long : random.pick(HOSTS);
  const absolute = random.chance(0.15);
  const prefix = absolute ? random.pick(['http://', 'HTTP://', 'https://']) + host : '';
  const target = random.chance(0.03) ? '*' : prefix + (path || (absolute ? '' : '/')) + query;
  const minor = random.chance(0.15) ? 0 : 1;
  const fields: [string, string][] = [[random.pick(['Host', 'host', 'HOST']), host]];
  for (let left = random.below(9); left > 0; left--) {
    const [name, values] = random.pick(FIELDS);
    if (random.chance(0.7)) fields.push([name, random.pick(values)]);
    else fields.push([`x${run(random, NAME_BYTES, 40)}`, run(random, VALUE_BYTES, 140)]);
  }
  const body = random.pick(['', '', 'Content-Length', 'Transfer-Encoding']);
  const value = random.pick(
    body === 'Content-Length' ? ['0', '42', '007'] : ['chunked', 'gzip , Chunked'],
  );
  if (body) fields.push([random.pick([body, body.toLowerCase()]), value]);
  fields.sort(() => random.fraction() - 0.5);
  const lines = fields.map(([name, text]) => `${name}:${random.pick([' ', '', ' \t'])}${text}`);
  const method = target === '*' ? 'OPTIONS' : random.pick(METHODS);
  const empty = random.chance(0.05) ? '\r\n' : '';
  const line = `${empty}${method} ${target} HTTP/1.${minor}`;
  return [line, ...lines, '', ''].join('\r\n');
}

const SPOILERS = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  '#',
  '%',
  '@',
  ',',
  '\x7f',
  '\x80',
  'Host: b\r\n',
];

/** One or two small changes anywhere. */
export function spoil(random: Random, head: string): string {
  let text = head;
  for (let changes = random.between(1, 2); changes > 0; changes--) {
    const at = random.below(text.length);
    const removed = random.pick([0, 0, 1, 1, 2]);
    const put = random.chance(0.2)
      ? ''
      : random.chance(0.2)
        ? text.slice(at, at + 9)
        : random.pick(SPOILERS);
    text = text.slice(0, at) + put + text.slice(at + removed);
  }
  return text;
}
