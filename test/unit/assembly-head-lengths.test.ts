// The parser looks at 16 or 64 bytes at a time: each part of a head at every length at which vectors end.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/lab/random.ts';
import { readHead } from '../support/head-model.ts';
import { headParser, llhttpReader } from '../support/head-parser.ts';

const { parse, found } = headParser();
const readers = [llhttpReader('llhttp'), llhttpReader('llhttp_simd')];
const test = suite('request head: lengths');

const PARTS = ['method', 'path', 'query', 'host', 'name', 'before', 'value', 'behind'] as const;
type Part = (typeof PARTS)[number];
type Parts = Record<Part, string>;

/** What may stand in each part, so that no two places have the same bytes. */
const BYTES: Parts = {
  method: 'A', // llhttp has a list of methods: see LONG
  path: 'abcdefghijklmnopqrstuvwxyz0123456789-_~!$&()*+,=:@',
  query: 'abcdefghijklmnopqrstuvwxyz0123456789/?&=%',
  host: 'abcdefghijklmnopqrstuvwxyz0123456789-',
  name: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!'*+#$%&^`|",
  before: ' \t',
  value: 'abcdefghijklmnopqrstuvwxyz0123456789;,=/"()<>@[]{}\xe4\xff',
  behind: '\t ',
};
/** The longest that is tried byte by byte. */
const LONG: Record<Part, number> = {
  method: 32,
  path: 270,
  query: 270,
  host: 270,
  name: 270,
  before: 140,
  value: 270,
  behind: 140,
};
const SHIFTS = [0, 1, 15, 16, 31, 48, 63];
const BLOCK = 16;

/** `length` bytes, another one at each place of a block. */
function bytesOf(part: Part, length: number): string {
  const bytes = BYTES[part];
  return Array.from({ length }, (_, index) => bytes[(index * 7) % bytes.length]!).join('');
}

function partsOf(lengths: Partial<Record<Part, number>>): Parts {
  const parts = {} as Parts;
  for (const part of PARTS) parts[part] = bytesOf(part, lengths[part] ?? 1);
  if (lengths.method === undefined) parts.method = 'GET';
  return parts;
}

function textOf({ method, path, query, host, name, before, value, behind }: Parts): string {
  const lines = [
    `${method} /${path}?${query} HTTP/1.1`,
    `Host: ${host}h`,
    `x${name}:${before}${value}${behind}`,
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** As the model and both llhttps find it, wherever it stands in memory. */
function compare(text: string, isKnownMethod = true): boolean {
  const wanted = readHead(text);
  for (const shift of SHIFTS) {
    const result = parse(`${text}GET /next`, undefined, shift);
    assert.is(result > 0 ? result : 0, wanted?.length ?? 0, `${shift} ${JSON.stringify(text)}`);
    if (wanted) assert.equal(found(text), wanted);
  }
  if (!wanted || !isKnownMethod) return wanted !== undefined;
  const { target, fields } = wanted;
  for (const read of readers) {
    const theirs = read(text);
    // llhttp gives a value without what stands before it, but with the white space behind it
    const trimmed = theirs?.fields.map(([name, value]) => [name, value.replace(/[ \t]+$/, '')]);
    assert.equal({ ...theirs, fields: trimmed }, { target, fields }, JSON.stringify(text));
  }
  return true;
}

for (const part of PARTS) {
  test(`request head: ${part} of each length is read as the model and llhttp read it`, () => {
    let accepted = 0;
    for (let length = part === 'method' ? 1 : 0; length <= LONG[part]; length++) {
      if (compare(textOf(partsOf({ [part]: length })), part !== 'method')) accepted++;
    }
    assert.ok(accepted >= LONG[part], `${accepted} of ${LONG[part]} accepted`);
  });
}

test('request head: long parts together, round multiples of 16 and 64, are read alike', () => {
  const random = new Random(16);
  for (let round = 0; round < 1500; round++) {
    const lengths: Partial<Record<Part, number>> = {};
    for (const part of PARTS) {
      if (part === 'method' || random.chance(0.3)) continue;
      const size = BLOCK * random.pick([0, 1, 2, 3, 4, 4, 8, 12, 16, 32, 64]);
      lengths[part] = Math.max(0, size + random.between(-3, 3));
    }
    assert.ok(compare(textOf(partsOf(lengths))));
  }
});

const WRONG = ['\0', '\r', '\n', ' ', '\x7f', '\x80', ':', '#', '%', '\\', '\r\n', '\r\n '];

test('request head: a wrong byte at each place is refused where the model refuses it', () => {
  const random = new Random(64);
  let refused = 0;
  for (const part of PARTS) {
    for (let round = 0; round < 400; round++) {
      const length = Math.min(
        LONG[part],
        random.pick([15, 16, 17, 63, 64, 65, 127, 128, 129, 200]),
      );
      const parts = partsOf({ [part]: length });
      const at = random.below(length + 1);
      parts[part] = parts[part].slice(0, at) + random.pick(WRONG) + parts[part].slice(at);
      const text = `${textOf(parts)}\r\n\r\n`;
      const wanted = readHead(text);
      const shift = random.pick(SHIFTS);
      const result = parse(text, undefined, shift);
      assert.is(Math.sign(result), wanted ? 1 : -1, `${result} of ${JSON.stringify(text)}`);
      if (wanted) assert.equal(found(text), wanted);
      else refused++;
    }
  }
  assert.ok(refused > 1000, `${refused} refused`);
});

test('request head: every prefix of a long head is incomplete, wherever it ends', () => {
  for (const size of [15, 16, 17, 63, 64, 65]) {
    const text = textOf(
      partsOf({ path: size, host: size, name: size, value: 3 * size, behind: 17 }),
    );
    for (const shift of SHIFTS) {
      for (let length = 0; length < text.length; length++) {
        assert.is(parse(text, length, shift), 0, `${length} of ${JSON.stringify(text)}`);
      }
      assert.is(parse(text, text.length, shift), text.length);
    }
  }
});

test.run();
