// One example of every message, the ones of docs/protocol.md, and random ones.
import * as fc from 'fast-check';
import { hasControlCharacters } from '../../src/channel/bytes.ts';
import type { Message, Tuple } from '../../src/channel/messages.ts';
import { parseAddress } from '../../src/config/address.ts';
import { anyDispatching, dispatchExamples } from './dispatch-messages.ts';

function address(text: string): Uint8Array {
  const bytes = parseAddress(text);
  if (!bytes) throw new Error(`${text} is no address`);
  return bytes;
}

const tuple: Tuple = {
  client: address('198.51.100.7'),
  clientPort: 40000,
  vip: address('192.0.2.80'),
  vipPort: 80,
};
const tuple6: Tuple = {
  client: address('2001:db8:51::7'),
  clientPort: 40001,
  vip: address('2001:db8:80::80'),
  vipPort: 80,
};
const id = { run: 0x11223344, counter: 1 };
const handoff: Message = {
  type: 'handoff',
  id,
  tuple,
  serverPort: 8080,
  clientIsn: 0x10000000,
  switchIsn: 0x20000000,
  switchNext: 0x20000001,
  mss: 1460,
  clientScale: 7,
  switchScale: 9,
  sack: true,
  timestamps: true,
  sessions: false,
  timestampRecent: 0x30000000,
  timestampSwitch: 0x40000000,
  window: 502,
  bytes: new TextEncoder().encode('GET / HTTP/1.0\r\n\r\n'),
};

const given = { id, tuple, next: 0x20000101, timestamp: 0x40000100 };
const askedFor = { tuple, clientIsn: 0x10000000 };

export const examples: Record<string, Message> = {
  hello: {
    type: 'hello',
    version: 1,
    name: 'switch',
    roles: ['switch'],
    group: 'main',
    run: 0x11223344,
    capabilities: [],
    services: [{ vip: address('192.0.2.80'), port: 80, serverPort: 8080 }],
    bindings: [],
  },
  'hello-answer': {
    type: 'hello',
    version: 1,
    name: 'server1',
    roles: ['agent'],
    group: '',
    run: 0x55667788,
    capabilities: ['translate'],
    services: [],
    bindings: [
      { vip: address('192.0.2.80'), port: 80, handoff: address('10.81.1.1'), handoffPort: 80 },
      {
        vip: address('2001:db8:80::80'),
        port: 80,
        handoff: address('fd81:1::1'),
        handoffPort: 80,
      },
    ],
  },
  handoff,
  handoff6: {
    ...handoff,
    id: { run: 0x11223344, counter: 2 },
    tuple: tuple6,
    clientScale: 15,
    sack: false,
    timestamps: false,
    timestampRecent: 0,
    timestampSwitch: 0,
    bytes: new Uint8Array(0),
  },
  ready: { type: 'ready', id },
  failed: { type: 'failed', id, delivered: 'maybe', reason: 'deadline' },
  close: { type: 'close', id, tuple },
  confirm: { type: 'confirm', ids: [id, { run: 0x11223344, counter: 3 }] },
  'confirm-of-close': { type: 'confirm', ids: [id], of: 'close' },
  update: {
    type: 'update',
    id,
    tuple,
    clientIsn: 0x10000000,
    handoff: address('10.81.2.1'),
    handoffPort: 80,
    server: 'server2',
  },
  'confirm-of-update': { type: 'confirm', ids: [id], of: 'update' },
  'close-in-front': { type: 'close', id, tuple, clientIsn: 0x10000000 },
  resync: { type: 'resync', entries: [{ id, tuple, clientIsn: 0x10000000 }], last: true },
  load: { type: 'load', openConnections: 321 },
  ping: { type: 'ping' },
  'handoff-cookie': { ...handoff, cookie: 'sid', bytes: new Uint8Array(0) },
  'handoff-syn': { ...handoff, bySyn: true, bytes: new Uint8Array(0) },
  'handoff-tls': { ...handoff, sessions: true, bytes: new Uint8Array(0) },
  session: { type: 'session', id, key: 0x50000000 },
  'handoff-requests': { ...handoff, requests: { next: 0x10000013, isHead: true } },
  release: {
    type: 'release',
    id,
    tuple,
    sequence: 0x10000013,
    acknowledgment: 0x20000101,
    requests: 3,
    waits: true,
  },
  released: { type: 'released', ...given },
  idle: { type: 'idle', connections: [{ ...given, sequence: 0x10000013, requests: 3 }] },
  busy: { type: 'busy', id, reason: 'never' },
  requests: { type: 'requests', id, tuple, count: 3, next: 0x10000013 },
  'requests-agreed': {
    type: 'requests',
    id,
    tuple,
    count: 3,
    next: 0x10000013,
    agreed: { mss: 1460, clientScale: 7, switchScale: 9, sack: true, timestamps: true },
  },
  ...dispatchExamples,
  'handoff-reserved': { ...handoff, bytes: new Uint8Array(0), reserved: true },
  query: { type: 'query', asked: [askedFor, { tuple, clientIsn: null }] },
  answer: {
    type: 'answer',
    found: [{ asked: askedFor, verdict: 'mine', id, clientIsn: 0x10000000, server: 'server1' }],
  },
  pass: { type: 'pass', packet: Uint8Array.of(0x45, 0, 0, 40), vnet: new Uint8Array(10) },
};

/** Records with the prototype that decoded messages have. */
function record<Shape extends object>(shape: {
  [Key in keyof Shape]: fc.Arbitrary<Shape[Key]>;
}): fc.Arbitrary<Shape> {
  return fc.record(shape, { noNullPrototype: true }) as fc.Arbitrary<Shape>;
}

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const name = fc.string({ maxLength: 40, unit: 'grapheme' }).filter((text) => {
  return !hasControlCharacters(text) && new TextEncoder().encode(text).length < 256;
});
const ids = record({ run: u32, counter: u32 });
const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Uint8Array.from(bytes));
const length = fc.constantFrom(4, 16);
const tuples = length.chain((size) =>
  record({ client: bytesOf(size), clientPort: u16, vip: bytesOf(size), vipPort: u16 }),
);
const bindings = length.chain((size) =>
  record({ vip: bytesOf(size), port: u16, handoff: bytesOf(size), handoffPort: u16 }),
);
const offers = length.chain((size) => record({ vip: bytesOf(size), port: u16, serverPort: u16 }));
const scale = fc.nat(15);
const givenBack = { id: ids, tuple: tuples, next: u32, timestamp: u32 };
const idle = record({ ...givenBack, sequence: u32, requests: u32 });
const asked = record({ tuple: tuples, clientIsn: fc.option(u32) });

/** Any message that can be sent. */
export const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  record({
    type: fc.constant('hello' as const),
    version: u16,
    name,
    roles: fc.array(name, { maxLength: 4 }),
    group: name,
    run: u32,
    capabilities: fc.array(name, { maxLength: 4 }),
    services: fc.array(offers, { maxLength: 5 }),
    bindings: fc.array(bindings, { maxLength: 5 }),
  }),
  record({
    type: fc.constant('handoff' as const),
    id: ids,
    tuple: tuples,
    serverPort: u16,
    clientIsn: u32,
    switchIsn: u32,
    switchNext: u32,
    mss: u16,
    clientScale: scale,
    switchScale: scale,
    sack: fc.boolean(),
    timestamps: fc.boolean(),
    sessions: fc.boolean(),
    timestampRecent: u32,
    timestampSwitch: u32,
    window: u16,
    bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.from(bytes)),
  }).chain((handoff) =>
    fc.oneof(
      fc.constant(handoff),
      name.filter((text) => text !== '').map((cookie) => ({ ...handoff, cookie })),
      record({ next: u32, isHead: fc.boolean() }).map((requests) => ({ ...handoff, requests })),
    ),
  ),
  record({ type: fc.constant('ready' as const), id: ids }),
  record({
    type: fc.constant('failed' as const),
    id: ids,
    delivered: fc.constantFrom('no' as const, 'maybe' as const),
    reason: name,
  }),
  record({ type: fc.constant('close' as const), id: ids, tuple: tuples }),
  record({ type: fc.constant('confirm' as const), ids: fc.array(ids, { maxLength: 20 }) }),
  record({
    type: fc.constant('confirm' as const),
    ids: fc.array(ids, { maxLength: 20 }),
    of: fc.constantFrom('ready' as const, 'failed' as const, 'close' as const, 'update' as const),
  }),
  record({ type: fc.constant('close' as const), id: ids, tuple: tuples, clientIsn: u32 }),
  tuples.chain((tuple) =>
    record({
      type: fc.constant('update' as const),
      id: ids,
      tuple: fc.constant(tuple),
      clientIsn: u32,
      handoff: bytesOf(tuple.vip.length),
      handoffPort: u16,
      server: name,
    }),
  ),
  record({
    type: fc.constant('resync' as const),
    entries: fc.array(record({ id: ids, tuple: tuples, clientIsn: u32 }), { maxLength: 20 }),
    last: fc.boolean(),
  }),
  record({ type: fc.constant('load' as const), openConnections: u32 }),
  record({ type: fc.constant('ping' as const) }),
  record({ type: fc.constant('session' as const), id: ids, key: u32 }),
  record({
    type: fc.constant('release' as const),
    id: ids,
    tuple: tuples,
    sequence: u32,
    acknowledgment: u32,
    requests: u32,
    waits: fc.boolean(),
  }),
  record({ type: fc.constant('released' as const), ...givenBack }),
  record({ type: fc.constant('idle' as const), connections: fc.array(idle, { maxLength: 20 }) }),
  record({
    type: fc.constant('busy' as const),
    id: ids,
    reason: fc.constantFrom(...(['later', 'never', 'upgraded', 'ending', 'unknown'] as const)),
  }),
  record({ type: fc.constant('requests' as const), id: ids, tuple: tuples, count: u32, next: u32 }),
  anyDispatching(name),
  record({ type: fc.constant('query' as const), asked: fc.array(asked, { maxLength: 20 }) }),
  record({
    type: fc.constant('answer' as const),
    found: fc.array(
      record({
        asked,
        verdict: fc.constantFrom(...(['unknown', 'taken', 'mine'] as const)),
        id: ids,
        clientIsn: u32,
        server: name,
      }),
      { maxLength: 20 },
    ),
  }),
  record({
    type: fc.constant('pass' as const),
    packet: fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.from(bytes)),
    vnet: bytesOf(10),
  }),
);

/** Any byte, for mutations. */
export const anyByte = u8;
