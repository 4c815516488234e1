import * as fc from 'fast-check';
import { readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeFrame, encodeFrame, splitMessage } from '../../../src/channel/codec.ts';
import type { Frame } from '../../../src/channel/codec.ts';
import { FrameCutter } from '../../../src/channel/framing.ts';
import type { HandoffId, Message } from '../../../src/channel/messages.ts';
import * as wire from '../../../src/channel/wire.ts';
import { anyByte, anyMessage, examples } from '../../support/messages.ts';

const test = suite('codec');
const GOLDEN = new URL('../test/golden/messages.txt', import.meta.url);

function decoded(bytes: Uint8Array): Frame {
  const frame = decodeFrame(bytes);
  if ('error' in frame) throw new Error(frame.error);
  return frame;
}

function errorOf(bytes: Uint8Array): string {
  const frame = decodeFrame(bytes);
  return 'error' in frame ? frame.error : '';
}

/** The error of an example with one byte replaced. */
function changed(name: string, at: number, byte: number): string {
  const frame = encodeFrame(examples[name] as Message, 1, 0);
  frame[at] = byte;
  return errorOf(frame);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

test('codec: every message has the bytes of test/golden/messages.txt', () => {
  const lines = Object.entries(examples).map(([name, message]) => {
    return `${name} = ${hex(encodeFrame(message, 7, 5))}`;
  });
  if (process.env['BATON_GOLDEN'] === 'write') writeFileSync(GOLDEN, `${lines.join('\n')}\n`);
  assert.equal(readFileSync(GOLDEN, 'utf8').trim().split('\n'), lines);
});

test('codec: the golden bytes decode to the examples, numbers included', () => {
  for (const line of readFileSync(GOLDEN, 'utf8').trim().split('\n')) {
    const [name = '', bytes = ''] = line.split(' = ');
    const expected = { message: examples[name], number: 7, received: 5 };
    assert.equal(decodeFrame(Buffer.from(bytes, 'hex')), expected, name);
  }
});

test('codec: docs/protocol.md shows the golden bytes', () => {
  const page = readFileSync(new URL('../docs/protocol.md', import.meta.url), 'utf8');
  const shown = [...page.matchAll(/```\n([a-z0-9-]+) =\n([0-9a-f\s]+)```/g)].map(
    ([, name, bytes]) => {
      return `${name} = ${bytes?.replaceAll(/\s/g, '')}`;
    },
  );
  assert.equal(shown.toSorted(), readFileSync(GOLDEN, 'utf8').trim().split('\n').toSorted());
});

test('codec: any message survives encoding and decoding', () => {
  const numbers = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(anyMessage, numbers, numbers, (message, number, received) => {
      const frame = encodeFrame(message, number, received);
      assert.equal(decoded(frame), { message, number, received });
    }),
    { numRuns: 2000 },
  );
});

test('codec: a cut frame is an error value, at every length', () => {
  for (const message of Object.values(examples)) {
    const frame = encodeFrame(message, 1, 0);
    for (let length = 0; length < frame.length; length++) {
      const cut = frame.slice(0, length);
      assert.ok(errorOf(cut), `${message.type} cut to ${length}`);
      // the same with a length field that fits
      if (length < wire.FRAME_HEADER) continue;
      new DataView(cut.buffer).setUint32(wire.FRAME_LENGTH, length);
      // without the client's ISN it is a close of its own
      if (message.type === 'close' && length === wire.FRAME_HEADER + wire.CLOSE_SIZE) continue;
      assert.match(errorOf(cut), /damaged/, `${message.type} shortened to ${length}`);
    }
  }
});

test('codec: bytes behind a message are an error, except behind a hello', () => {
  for (const message of Object.values(examples)) {
    const frame = encodeFrame(message, 1, 0);
    const longer = new Uint8Array(frame.length + 3);
    longer.set(frame);
    new DataView(longer.buffer).setUint32(wire.FRAME_LENGTH, longer.length);
    if (message.type === 'hello') assert.equal(decoded(longer).message, message);
    // behind a close a client's ISN may follow
    else assert.match(errorOf(longer), /3 bytes too many|damaged/);
  }
});

test('codec: changed bytes give a message or an error value, never an exception', () => {
  const change = fc.record({ at: fc.nat(200), byte: anyByte });
  fc.assert(
    fc.property(
      anyMessage,
      fc.array(change, { minLength: 1, maxLength: 8 }),
      (message, changes) => {
        const frame = encodeFrame(message, 1, 0);
        for (const { at, byte } of changes) frame[at % frame.length] = byte;
        const result = decodeFrame(frame);
        // what was accepted can be sent on
        if (!('error' in result)) encodeFrame(result.message, 1, 0);
      },
    ),
    { numRuns: 3000 },
  );
});

test('codec: random bytes give an error value or a message', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 0, max: 12 }),
      (body, type) => {
        const frame = new Uint8Array(wire.FRAME_HEADER + body.length);
        frame.set(body, wire.FRAME_HEADER);
        new DataView(frame.buffer).setUint32(wire.FRAME_LENGTH, frame.length);
        frame[wire.FRAME_TYPE] = type;
        frame[wire.FRAME_VERSION] = 1;
        decodeFrame(frame);
      },
    ),
    { numRuns: 5000 },
  );
});

test('codec: wrong versions, types, families, scales and values are refused', () => {
  const body = wire.FRAME_HEADER;
  assert.match(changed('ping', wire.FRAME_VERSION, 0), /version 0/);
  assert.match(changed('ping', wire.FRAME_VERSION, 2), /version 2/);
  assert.match(changed('ping', wire.FRAME_TYPE, 17), /unknown type 17/);
  assert.match(changed('ping', wire.FRAME_TYPE, 0), /unknown type 0/);
  const family = body + wire.HANDOFF_TUPLE + wire.TUPLE_FAMILY;
  assert.match(changed('handoff', family, 5), /damaged handoff/);
  assert.match(changed('handoff', body + wire.HANDOFF_CLIENT_SCALE, 16), /damaged handoff/);
  assert.match(changed('handoff', body + wire.HANDOFF_BYTES, 0xff), /damaged handoff/);
  assert.match(changed('failed', body + wire.FAILED_DELIVERED, 2), /damaged failed/);
  assert.match(changed('failed', body + wire.FAILED_SIZE + 1, 0x1b), /damaged failed/);
  assert.match(changed('failed', body + wire.FAILED_SIZE + 1, 0xff), /damaged failed/);
  assert.match(changed('confirm', body + wire.CONFIRM_OF, wire.TYPE_PING), /damaged confirm/);
  assert.match(changed('resync', body + wire.RESYNC_LAST, 2), /damaged resync/);
});

test('codec: a decoded message shares no memory with its frame', () => {
  const bytes = Buffer.from(encodeFrame(examples['handoff'] as Message, 1, 0));
  const { message } = decoded(bytes);
  bytes.fill(0xee);
  assert.equal(message, examples['handoff']);
});

test('codec: what does not fit is refused where it is sent', () => {
  const handoff = examples['handoff'] as Message & { type: 'handoff' };
  const full = { ...handoff, bytes: new Uint8Array(65536).fill(7) };
  assert.equal(decoded(encodeFrame(full, 1, 0)).message, full);
  assert.throws(() => encodeFrame({ ...handoff, bytes: new Uint8Array(65537) }, 1, 0), /65537 req/);
  const mixed = { ...handoff.tuple, vip: new Uint8Array(16) };
  assert.throws(() => encodeFrame({ ...handoff, tuple: mixed }, 1, 0), /addresses of 4 and 16/);
  const update = { ...(examples['update'] as Message & { type: 'update' }) };
  assert.throws(() => encodeFrame({ ...update, server: 'é'.repeat(128) }, 1, 0), /longer than 255/);
});

test('codec: a reason is cut and cleaned rather than refused', () => {
  const failed = examples['failed'] as Message & { type: 'failed' };
  const long = decoded(encodeFrame({ ...failed, reason: '€'.repeat(200) }, 1, 0)).message;
  assert.is((long as typeof failed).reason, '€'.repeat(85));
  const lines = decoded(encodeFrame({ ...failed, reason: 'a\nb\u001b[31m' }, 1, 0)).message;
  assert.is((lines as typeof failed).reason, 'a b [31m');
});

test('codec: long lists are split into frames that fit, only the last one says last', () => {
  const ids: HandoffId[] = Array.from({ length: 2500 }, (_, counter) => ({ run: 1, counter }));
  const tuple = (examples['close'] as Message & { type: 'close' }).tuple;
  const entries = ids.map((id) => ({ id, tuple, clientIsn: 9 }));
  const parts = splitMessage({ type: 'resync', entries, last: true });
  assert.is(parts.length, 3);
  const back = parts.map((part) => decoded(encodeFrame(part, 1, 0)).message as typeof part);
  const resyncs = back.filter((part) => part.type === 'resync');
  assert.equal(
    resyncs.map((part) => part.last),
    [false, false, true],
  );
  assert.equal(
    resyncs.flatMap((part) => part.entries),
    entries,
  );
  const confirms = splitMessage({ type: 'confirm', ids, of: 'close' });
  assert.equal(
    confirms.flatMap((part) => (part.type === 'confirm' ? part.ids : [])),
    ids,
  );
  assert.throws(() => encodeFrame({ type: 'resync', entries, last: true }, 1, 0), /at most 98304/);
});

test('framing: frames come out the same whatever the pieces', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 12 }), pieces, (messages, sizes) => {
      const bytes = Buffer.concat(messages.map((message, index) => encodeFrame(message, index, 0)));
      const cutter = new FrameCutter();
      const found: Frame[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        // a piece's memory may be used again by the socket
        const piece = Uint8Array.from(bytes.subarray(at, at + size));
        cutter.push(piece, (frame) => found.push(decoded(frame)));
        piece.fill(0);
        at += size;
      }
      assert.is(cutter.error, undefined);
      assert.equal(
        found.map(({ message }) => message),
        messages,
      );
    }),
    { numRuns: 300 },
  );
});

test('framing: a large frame one byte at a time comes out whole', () => {
  const handoff = examples['handoff'] as Message & { type: 'handoff' };
  const frame = encodeFrame({ ...handoff, bytes: new Uint8Array(65536).fill(3) }, 1, 0);
  const cutter = new FrameCutter();
  let count = 0;
  for (const byte of frame) cutter.push(Uint8Array.of(byte), (bytes) => (count += bytes.length));
  assert.is(count, frame.length);
});

test('framing: a wrong length is an error, and nothing is taken for it', () => {
  const ping = encodeFrame({ type: 'ping' }, 1, 0);
  for (const length of [0xffffffff, 0, 15, wire.FRAME_LIMIT + 1]) {
    const cutter = new FrameCutter();
    const header = new Uint8Array(16);
    new DataView(header.buffer).setUint32(0, length);
    let frames = 0;
    const count = (): void => void frames++;
    cutter.push(ping, count);
    cutter.push(header.subarray(0, 3), count);
    assert.is(cutter.error, undefined);
    cutter.push(header.subarray(3), count);
    cutter.push(ping, count);
    assert.is(frames, 1, `after a length of ${length}`);
    assert.match(cutter.error ?? '', new RegExp(`frame length of ${length},`));
  }
});

test.run();
