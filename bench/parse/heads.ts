// Request heads as browsers and programs send them: three lengths, each in as many different forms that no
// parser's branches are learnt by heart.
import { Random } from '../../src/lab/random.ts';

const FORMS = 256;

const WORDS = 'news images archive static item list photo user search report front index'.split(
  ' ',
);
const LANGUAGES = ['en-US,en;q=0.5', 'de-DE,de;q=0.9,en;q=0.8', 'fr-FR,fr;q=0.7', 'es-ES,es;q=0.4'];
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
const ACCEPT = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

function hexadecimal(random: Random, digits: number): string {
  return Array.from({ length: digits }, () => random.below(16).toString(16)).join('');
}

function path(random: Random, parts: number): string {
  const names = Array.from({ length: parts }, () => random.pick(WORDS));
  return `/${names.join('/')}/${random.below(100_000)}.html`;
}

function headOf(line: string, fields: readonly [string, string][]): string {
  return `${line}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

function short(random: Random): string {
  return headOf(`GET ${path(random, 1)} HTTP/1.1`, [['Host', `www${random.below(100)}.example`]]);
}

function browserFields(random: Random): [string, string][] {
  return [
    ['Host', `www${random.below(10)}.site${random.below(10)}.example`],
    ['User-Agent', AGENT],
    ['Accept', ACCEPT],
    ['Accept-Language', random.pick(LANGUAGES)],
    ['Accept-Encoding', 'gzip, deflate, br'],
    ['Connection', 'keep-alive'],
    ['Cookie', `session=${hexadecimal(random, 24)}`],
  ];
}

/** Eight fields, 386 bytes long. */
function browser(random: Random): string {
  const line = `GET ${path(random, 2)} HTTP/1.1`;
  const fields = browserFields(random);
  const bare = headOf(line, [...fields, ['Referer', '']]).length;
  const site = 'https://www.example/';
  const rest = Math.max(0, 386 - bare - site.length);
  return headOf(line, [...fields, ['Referer', `${site}${hexadecimal(random, rest)}`]]);
}

/** A site with sign-on and statistics: long cookies, a query, twenty fields. */
function long(random: Random): string {
  const query = `q=${hexadecimal(random, 40)}&page=${random.below(50)}&from=${random.pick(WORDS)}`;
  const cookies = ['id', 'token', 'prefs', 'seen', '_ga', '_gid', 'consent', 'basket'].map(
    (name) => `${name}=${hexadecimal(random, 16 + random.below(96))}`,
  );
  const [host, ...others] = browserFields(random).slice(0, 6);
  return headOf(`GET ${path(random, 4)}?${query} HTTP/1.1`, [
    host!,
    ...others,
    ['Cookie', cookies.join('; ')],
    ['Referer', `https://www.example${path(random, 3)}?${query}`],
    ['Cache-Control', 'max-age=0'],
    ['Upgrade-Insecure-Requests', '1'],
    ['Sec-Fetch-Dest', 'document'],
    ['Sec-Fetch-Mode', 'navigate'],
    ['Sec-Fetch-Site', 'same-origin'],
    ['Sec-Fetch-User', '?1'],
    ['If-Modified-Since', 'Sat, 29 Oct 1994 19:43:31 GMT'],
    ['If-None-Match', `"${hexadecimal(random, 32)}"`],
    ['X-Forwarded-For', `192.0.2.${random.below(256)}, 198.51.100.${random.below(256)}`],
    ['X-Forwarded-Proto', 'https'],
    ['X-Request-Id', hexadecimal(random, 32)],
    ['Authorization', `Bearer ${hexadecimal(random, 120)}`],
  ]);
}

const KINDS = { 'short head': short, 'head of 386 bytes': browser, 'long head': long };

/** Subject -> heads; the same each time. */
export function headSets(): Map<string, Buffer[]> {
  const random = new Random(1);
  return new Map(
    Object.entries(KINDS).map(([name, make]) => [
      name,
      Array.from({ length: FORMS }, () => Buffer.from(make(random), 'latin1')),
    ]),
  );
}
