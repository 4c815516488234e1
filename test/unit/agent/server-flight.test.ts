import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ServerFlight } from '../../../src/agent/server-flight.ts';
import {
  TICKET_EXTENSION,
  VERSIONS_EXTENSION,
  certificate,
  newSessionTicket,
  record,
  serverHello,
} from '../../support/flight-model.ts';
import { concat } from '../../support/hello-model.ts';
import { Random } from '../../../src/lab/random.ts';

const test = suite('server flight');
const FIRST = 0xffffff00; // wraps within the flight
const SESSION = new Uint8Array(32).fill(5);
const TICKET = new Uint8Array(180).fill(6);
const HELLO = serverHello({ session: SESSION, extensions: [0, TICKET_EXTENSION] });
const FLIGHT = concat(
  record(concat(HELLO, certificate(1200))),
  record(newSessionTicket(TICKET)),
  record(Uint8Array.of(1), 20),
);

/** What is learned when the bytes come in segments that end at these places. */
function learn(bytes: Uint8Array, ends: number[]) {
  const flight = new ServerFlight(FIRST);
  const found: Uint8Array[] = [];
  let from = 0;
  for (const to of [...ends, bytes.length]) {
    found.push(...flight.take((FIRST + from) >>> 0, bytes.subarray(from, to)));
    from = to;
  }
  return { found, isOver: flight.isOver };
}

test('server flight: session id and ticket, in segments of any size', () => {
  const random = new Random(1);
  const expected = { found: [SESSION, TICKET], isOver: true };
  assert.equal(learn(FLIGHT, []), expected);
  assert.equal(
    learn(
      FLIGHT,
      Array.from({ length: FLIGHT.length }, (_, at) => at),
    ),
    expected,
  );
  for (let turn = 0; turn < 100; turn += 1) {
    const ends = Array.from({ length: 5 }, () => random.below(FLIGHT.length)).sort((a, b) => a - b);
    assert.equal(learn(FLIGHT, ends), expected, String(ends));
  }
});

test('server flight: messages in pieces over records', () => {
  const messages = concat(HELLO, certificate(50), newSessionTicket(TICKET));
  const records: Uint8Array[] = [];
  for (let at = 0; at < messages.length; at += 7) records.push(record(messages.slice(at, at + 7)));
  assert.equal(learn(concat(...records), []).found, [SESSION, TICKET]);
});

test('server flight: without the ticket extension the session id alone, and no more is read', () => {
  const bytes = concat(record(serverHello({ session: SESSION })), record(newSessionTicket(TICKET)));
  assert.equal(learn(bytes, []), { found: [SESSION], isOver: true });
  assert.equal(learn(record(serverHello({})), []), { found: [], isOver: true });
});

test('server flight: TLS 1.3 tells nothing, its session id is only an echo', () => {
  const extensions = [VERSIONS_EXTENSION, TICKET_EXTENSION];
  const bytes = record(serverHello({ session: SESSION, extensions }));
  assert.equal(learn(bytes, []), { found: [], isOver: true });
});

test('server flight: what is sent again changes nothing, a hole or a long flight ends it', () => {
  const again = new ServerFlight(FIRST);
  const half = FLIGHT.subarray(0, 1400);
  assert.equal(again.take(FIRST, half), [SESSION]);
  assert.equal(again.take(FIRST, half), []);
  assert.equal(again.take(FIRST, FLIGHT), [TICKET], 'the known part of a segment is left out');
  const torn = new ServerFlight(FIRST);
  assert.equal(torn.take((FIRST + 1) >>> 0, FLIGHT.subarray(1)), []);
  assert.ok(torn.isOver);
  const long = new ServerFlight(FIRST);
  const start = record(concat(HELLO, certificate(60)));
  assert.equal(long.take(FIRST, start), [SESSION]);
  const big = record(certificate(65_000).subarray(0, 65_000));
  assert.equal(long.take((FIRST + start.length) >>> 0, big), []);
  const next = (FIRST + start.length + big.length) >>> 0;
  assert.equal(long.take(next, new Uint8Array(1000)), []);
  assert.ok(long.isOver);
});

test('server flight: an alert, an encrypted record or no TLS at all ends it', () => {
  for (const type of [20, 21, 23, 72]) {
    assert.equal(learn(record(Uint8Array.of(2, 40), type), []), { found: [], isOver: true });
  }
});

test('server flight: any bytes behind a record header are read without harm', () => {
  const random = new Random(2);
  for (let turn = 0; turn < 2000; turn += 1) {
    const bytes = FLIGHT.slice();
    for (let hit = random.below(6); hit >= 0; hit -= 1) {
      bytes[5 + random.below(120)] = random.below(256);
    }
    const { found } = learn(bytes, [random.below(300)]);
    assert.ok(found.every((each) => each.length > 0));
  }
});

test.run();
