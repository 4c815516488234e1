import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as C from '../../assembly/calls.ts';
import * as E from '../../assembly/parse/hello-errors.ts';
import { ClientHello } from '../../src/control/dispatcher/client-hello.ts';
import { loadParts } from '../support/core-parts.ts';
import {
  concat,
  helloBytes,
  helloMessage,
  helloRecords,
  readHello,
  type HelloParts,
  type HelloView,
} from '../support/hello-model.ts';
import { Random } from '../../src/lab/random.ts';

const OUT = 1024;
const AT = 8192 + 3;
const core = loadParts();
const test = suite('client hello');

/** Real ones, as their programs sent them: name -> bytes. */
const real = new Map(
  readFileSync(new URL('../test/golden/client-hellos.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line): [string, Uint8Array] => {
      const [name, digits] = line.split(' = ');
      return [name!, Uint8Array.from(Buffer.from(digits!, 'hex'))];
    }),
);

function parse(bytes: Uint8Array, length = bytes.length): number {
  core.bytes.fill(0xee, OUT, OUT + C.HELLO_SIZE + 16);
  core.bytes.fill(0x41, AT, AT + bytes.length + 64);
  core.bytes.set(bytes.subarray(0, length), AT);
  const result = core.parseHello(AT, length, OUT);
  const behind = [
    ...core.bytes.subarray(OUT + C.HELLO_SIZE, OUT + C.HELLO_SIZE + 16),
    ...core.bytes.subarray(AT + length, AT + length + 32),
  ];
  assert.ok(
    behind.every((byte, at) => byte === (at < 16 ? 0xee : 0x41)),
    'nothing beyond',
  );
  return result;
}

function found(): HelloView {
  const bytes = core.bytes.subarray(AT);
  const hello = new ClientHello(bytes, core.view, OUT);
  const range = ({ from, to }: { from: number; to: number }) => Buffer.from(bytes.slice(from, to));
  const field = (offset: number, length: number) => {
    const from = core.view.getUint16(OUT + offset, true);
    return range({ from, to: from + core.view.getUint16(OUT + length, true) }).toString('hex');
  };
  return {
    name: hello.name && range(hello.name).toString('latin1'),
    protocols: hello.protocols.map((protocol) => range(protocol).toString('latin1')),
    session: field(C.HELLO_SESSION_OFFSET, C.HELLO_SESSION_LENGTH),
    ticket: field(C.HELLO_TICKET_OFFSET, C.HELLO_TICKET_LENGTH),
    tls13: hello.offersTls13,
  };
}

function refused(bytes: Uint8Array, error: number, what = ''): void {
  assert.is(parse(bytes), -error, what);
}

test('client hello: real ones of openssl, curl and Node, whole, by the byte, in records of any size', () => {
  assert.is(real.size, 10);
  const random = new Random(5);
  for (const [name, bytes] of real) {
    const message = bytes.subarray(5);
    const expected = readHello(message);
    assert.is(parse(bytes), bytes.length, name);
    assert.equal(found(), expected, name);
    for (let length = 0; length < bytes.length; length += 1) assert.is(parse(bytes, length), 0);
    for (let round = 0; round < 50; round += 1) {
      const sizes = Array.from({ length: random.below(9) }, () => 1 + random.below(message.length));
      const records = helloRecords(message, round === 0 ? Array(message.length).fill(1) : sizes);
      const followed = concat(records, Uint8Array.of(23, 3, 3, 0, 1, 9));
      assert.is(parse(followed), records.length, name);
      assert.equal(found(), expected, name);
    }
  }
});

test('client hello: what the real ones say', () => {
  const say = (name: string) => {
    parse(real.get(name)!);
    return found();
  };
  assert.is(say('openssl-1.2-no-name').name, null);
  assert.is(say('openssl-1.2-name-alpn').name, 'a.example');
  assert.equal(say('openssl-1.2-name-alpn').protocols, ['h2', 'http/1.1']);
  assert.is(say('openssl-1.2-name-alpn').ticket, '', 'one is asked for');
  assert.ok(say('openssl-1.2-ticket').ticket.length > 100);
  assert.is(say('openssl-1.2-id').session.length, 64);
  assert.is(say('openssl-1.2-id').ticket, '');
  assert.not(say('openssl-1.2-id').tls13);
  for (const name of ['openssl-1.3', 'openssl-1.3-psk', 'curl', 'node']) assert.ok(say(name).tls13);
  assert.is(say('curl').name, 'shop.example');
  assert.is(say('node').name, 'node.example');
});

test('client hello: says with how many bytes to look again, never more than there must come', () => {
  for (const [name, bytes] of real) {
    let looks = 0;
    for (let length = 0; length < bytes.length; looks += 1) {
      assert.is(parse(bytes, length), 0);
      const wanted = core.view.getUint32(OUT + C.HELLO_LENGTH, true);
      assert.ok(wanted > length && wanted <= bytes.length, `${name}: ${wanted} after ${length}`);
      length = wanted;
    }
    assert.ok(looks <= 4, `${name}: ${looks} looks`);
  }
});

test('client hello: hashes are those of the bytes, the name in small letters', () => {
  const session = new Uint8Array(32).fill(3);
  const ticket = new Uint8Array(200).fill(9);
  parse(helloBytes({ names: ['Shop.Example.'], session, ticket }));
  const hash = (bytes: Uint8Array): number => {
    core.bytes.set(bytes, 4096);
    return core.hashTarget(4096, bytes.length) >>> 0;
  };
  const field = (offset: number): number => core.view.getUint32(OUT + offset, true);
  assert.is(field(C.HELLO_NAME_HASH), hash(new TextEncoder().encode('shop.example')));
  assert.is(field(C.HELLO_SESSION_HASH), hash(session));
  assert.is(field(C.HELLO_TICKET_HASH), hash(ticket));
  assert.is(found().name, 'shop.example');
});

test('client hello: GREASE, no extensions, no session, unknown versions are passed over', () => {
  const grease: [number, Uint8Array][] = [
    [0x0a0a, new Uint8Array(0)],
    [0x1a1a, Uint8Array.of(0)],
    [0x1a1a, Uint8Array.of(0)],
  ];
  const parts: HelloParts = {
    others: grease,
    names: ['a.example'],
    protocols: ['\x0a\x0a', 'h2'],
    versions: [0x2a2a, 0x0304, 0x0303],
  };
  const bytes = helloBytes(parts);
  assert.is(parse(bytes), bytes.length);
  assert.equal(found(), readHello(bytes.subarray(5)));
  assert.ok(found().tls13);
  const old = helloBytes({ extensions: false });
  assert.is(parse(old), old.length);
  assert.is(found().name, null);
});

test('client hello: what is no TLS is known by its first bytes', () => {
  for (const [bytes, why] of [
    [[0x47], 'GET'],
    [[0x80, 0x2e, 1], 'SSL 2'],
    [[22, 2], 'version 2'],
    [[21, 3, 3, 0, 2, 1, 0], 'an alert'],
    [[23], 'data'],
  ] as const) {
    refused(Uint8Array.from(bytes), E.HELLO_ERROR_NOT_TLS, why);
  }
});

test('client hello: records that break the rules are refused as early as they show', () => {
  const message = helloMessage({ names: ['a.example'] });
  const good = helloRecords(message, [20]);
  refused(Uint8Array.of(22, 3, 1, 0, 0), E.HELLO_ERROR_RECORD, 'empty');
  refused(Uint8Array.of(22, 3, 1, 0x40, 1), E.HELLO_ERROR_RECORD, 'longer than 2^14');
  refused(Uint8Array.of(22, 3, 1, 0, 9, 2), E.HELLO_ERROR_MESSAGE, 'a ServerHello');
  refused(concat(good.subarray(0, 25), Uint8Array.of(20)), E.HELLO_ERROR_RECORD, 'another type');
  refused(concat(good.subarray(0, 25), Uint8Array.of(22, 3, 1, 0, 0)), E.HELLO_ERROR_RECORD);
  refused(helloRecords(concat(message, Uint8Array.of(1))), E.HELLO_ERROR_RECORD, 'goes on');
  const long = Uint8Array.of(22, 3, 1, 0x40, 0, 1, 0, 0x40, 0);
  refused(long, E.HELLO_ERROR_TOO_LONG, 'more than may come');
  refused(Uint8Array.of(22, 3, 1, 0x40, 0, 1, 1, 0, 0), E.HELLO_ERROR_TOO_LONG);
});

test('client hello: in very small records it is bounded, too', () => {
  const others: [number, Uint8Array][] = [[21, new Uint8Array(8000)]];
  const records = helloRecords(helloMessage({ others }), Array(4000).fill(1));
  refused(records, E.HELLO_ERROR_TOO_LONG);
  assert.is(parse(records, C.HEAD_LIMIT - 1), 0);
});

test('client hello: names that servers may read in two ways are refused', () => {
  for (const names of [['a', 'b'], [''], ['.'], ['a\0b'], ['a b'], ['ä'], ['a'.repeat(256)], []]) {
    const result = parse(helloBytes({ names }));
    const isName = result === -E.HELLO_ERROR_NAME || result === -E.HELLO_ERROR_FORMAT;
    assert.ok(isName, `${names.join()}: ${result}`);
  }
  const twice: HelloParts = { names: ['a'], others: [[0, Uint8Array.of(0, 4, 0, 0, 1, 0x62)]] };
  refused(helloBytes(twice), E.HELLO_ERROR_TWICE);
  refused(helloBytes({ others: [[0, Uint8Array.of(0, 4, 1, 0, 1, 0x62)]] }), E.HELLO_ERROR_NAME);
  assert.ok(parse(helloBytes({ names: ['a_b-c.9.example.'] })) > 0);
});

test('client hello: a wrong length anywhere is refused or waits, and never leads out', () => {
  const random = new Random(11);
  const all = [...real.values()];
  for (let round = 0; round < 60_000; round += 1) {
    const bytes = all[random.below(all.length)]!.slice();
    for (let left = 1 + random.below(3); left > 0; left -= 1) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const length = random.below(3) === 0 ? random.below(bytes.length) : bytes.length;
    const result = parse(bytes, length);
    assert.ok(result >= -E.HELLO_ERROR_NAME && result <= length);
    if (result <= 0) continue;
    for (const [offset, size] of [
      [C.HELLO_NAME_OFFSET, C.HELLO_NAME_LENGTH],
      [C.HELLO_SESSION_OFFSET, C.HELLO_SESSION_LENGTH],
      [C.HELLO_TICKET_OFFSET, C.HELLO_TICKET_LENGTH],
      [C.HELLO_PROTOCOLS_OFFSET, C.HELLO_PROTOCOLS_LENGTH],
    ] as const) {
      const from = core.view.getUint16(OUT + offset, true);
      assert.ok(from + core.view.getUint16(OUT + size, true) <= length);
    }
  }
});

test.run();
