import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { JsonField } from '../../../../src/control/dispatcher/json-field.ts';
import { Random } from '../../../../src/lab/random.ts';

const test = suite('JSON field');
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What is found when the body comes in pieces that end there; null: nothing. */
function found(body: string, field: string, bytes: number, cuts: number[] = []): string | null {
  const whole = encoder.encode(`head${body}`);
  const finder = new JsonField({ field, bytes, waitMs: 100 }, 4, whole.length);
  for (const cut of [...cuts, whole.length]) finder.read(whole.subarray(0, cut));
  assert.ok(finder.isDone, body);
  const value = finder.valueIn(whole);
  return value && decoder.decode(value);
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
const NAMES = ['a', 'b', 'ab', 'messages', 'content', '0', 'prompt'];

function value(random: Random, depth: number): Json {
  const kind = random.below(depth > 3 ? 4 : 6);
  if (kind === 0) return random.pick([null, true, false]);
  if (kind === 1) return random.pick([0, -1, 2.5e-7, 123456]);
  if (kind < 4)
    return random.pick(['', 'a "quoted" \\ word', '{[,:]}', 'é😀\n', 'You are', '\u0001']);
  const count = random.below(4);
  if (kind === 4) return Array.from({ length: count }, () => value(random, depth + 1));
  const names = Array.from({ length: count }, () => random.pick(NAMES));
  return Object.fromEntries(names.map((name) => [name, value(random, depth + 1)]));
}

/** With spaces where they may be, and characters escaped that need not be. */
function spelled(random: Random, json: Json): string {
  const space = (): string => random.pick(['', '', '', ' ', '\r\n\t']);
  const text = (part: string): string => `${space()}${part}${space()}`;
  if (Array.isArray(json)) {
    const items = json.map((item) => spelled(random, item)).join(',');
    return text(`[${json.length === 0 ? space() : items}]`);
  }
  if (typeof json === 'object' && json !== null) {
    const pairs = Object.entries(json).map(([name, item]) => {
      return `${text(JSON.stringify(name))}:${spelled(random, item)}`;
    });
    return text(`{${pairs.length === 0 ? space() : pairs.join(',')}}`);
  }
  if (typeof json !== 'string') return text(JSON.stringify(json));
  const plain = JSON.stringify(json).replaceAll('a', () => random.pick(['a', '\\u0061']));
  return text(plain);
}

/** The ten-line form. */
function model(json: Json, field: string): Json | undefined {
  let at: Json | undefined = json;
  for (const [, place, name] of field.matchAll(/\[(\d+)\]|([\w-]+)/g)) {
    if (place !== undefined) at = Array.isArray(at) ? at[Number(place)] : undefined;
    else if (typeof at !== 'object' || at === null || Array.isArray(at)) return undefined;
    else at = Object.hasOwn(at, name!) ? at[name!] : undefined;
  }
  return at;
}

const FIELDS = ['prompt', 'a', 'a.b', 'messages[0].content', 'a[1]', 'b[0][0]', 'ab.a.0', '0'];

test('JSON field: finds what JSON.parse has, in any pieces', () => {
  const random = new Random(7);
  let hits = 0;
  for (let round = 0; round < 4000; round += 1) {
    const json = Object.fromEntries(NAMES.map((name) => [name, value(random, 1)]));
    const body = spelled(random, json);
    const field = random.pick(FIELDS);
    const cuts = Array.from({ length: random.below(5) }, () => random.below(body.length + 4));
    const raw = found(
      body,
      field,
      8192,
      cuts.toSorted((one, other) => one - other),
    );
    const expected = model(JSON.parse(body) as Json, field);
    if (expected === undefined) {
      assert.is(raw, null, `${field} in ${body}`);
      continue;
    }
    hits += 1;
    const parsed: unknown = JSON.parse(typeof expected === 'string' ? `"${raw}"` : raw!);
    assert.equal(parsed, expected, `${field} in ${body}`);
  }
  assert.ok(hits > 1000, String(hits));
});

test('JSON field: no more than the wanted bytes, and done as soon as they are here', () => {
  const whole = encoder.encode('{"prompt":"You are a helpful assistant","x":');
  const finder = new JsonField({ field: 'prompt', bytes: 7, waitMs: 1 }, 0, 1e6);
  finder.read(whole.subarray(0, 17));
  assert.not(finder.isDone);
  finder.read(whole.subarray(0, 18));
  assert.ok(finder.isDone);
  assert.is(decoder.decode(finder.valueIn(whole)!), 'You are');
  assert.is(found('{"a":1}', 'a', 1), '1');
  assert.is(found('[[12,3]]', 'a', 8), null);
});

test('JSON field: of equal names the first; escaped names are others; done behind the way', () => {
  assert.is(found('{"a":"1","a":"2"}', 'a', 9), '1');
  assert.is(found('{"\\u0061":"1"}', 'a', 9), null);
  const finder = new JsonField({ field: 'a.b', bytes: 9, waitMs: 1 }, 0, 1e6);
  finder.read(encoder.encode('{"a":{"c":1},'));
  assert.ok(finder.isDone, 'the rest is not waited for');
});

test('JSON field: whatever comes it ends, does not throw, and looks at each byte once', () => {
  const random = new Random(11);
  const marks = ['{', '}', '[', ']', ',', ':', '"', '\\', 'a', '1', ' ', '"a"', '"a":', 'é'];
  for (let round = 0; round < 8000; round += 1) {
    const body = Array.from({ length: random.below(40) }, () => random.pick(marks)).join('');
    const raw = found(
      body,
      random.pick(FIELDS),
      1 + random.below(9),
      [random.below(30)].filter((cut) => cut > 4),
    );
    assert.ok(raw === null || body.includes(raw) || raw.includes('\ufffd'), body);
  }
  for (const open of ['[', '{"a":', '[{"a":']) {
    assert.is(found(open.repeat(5000), 'x', 10), null);
  }
});

test.run();
