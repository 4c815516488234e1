import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ChunkedBody } from '../../../../src/control/distributor/chunked-body.ts';
import { Random } from '../../../../src/lab/random.ts';

const test = suite('chunked body');

/** The obvious reader: the body's length, -1 = it does not end, -2 = it is odd. */
function lengthOf(text: string): number {
  let at = 0;
  for (;;) {
    const size = /^([0-9a-f]{1,13})(?:;[^\r\n\0]*)?\r\n/i.exec(text.slice(at));
    if (!size)
      return mayBecome(text.slice(at), /^[0-9a-f]{0,13}$|^[0-9a-f]{1,13}(;[^\r\n\0]*)?\r?$/i);
    at += size[0].length;
    const count = parseInt(size[1]!, 16);
    if (count === 0) break;
    if (text.length < at + count) return -1;
    const end = text.slice(at + count, at + count + 2);
    if (end !== '\r\n') return '\r\n'.startsWith(end) ? -1 : -2;
    at += count + 2;
  }
  const trailer = /^(?:[^\r\n\0- ][^\r\n\0]*\r\n)*\r\n/.exec(text.slice(at));
  if (trailer) return at + trailer[0].length;
  const part = /^(?:[^\r\n\0- ][^\r\n\0]*\r\n)*(?:\r?|[^\r\n\0- ][^\r\n\0]*\r?)$/;
  return mayBecome(text.slice(at), part);
}

function mayBecome(text: string, pattern: RegExp): number {
  return pattern.test(text) ? -1 : -2;
}

function randomBody(random: Random): string {
  let text = '';
  for (let count = random.below(4); count > 0; count -= 1) {
    const size = 1 + random.below(40);
    const extension = random.below(4) === 0 ? ';a=b' : '';
    text += `${size.toString(16)}${extension}\r\n${'x\r\n0'.repeat(10).slice(0, size)}\r\n`;
  }
  const trailer = random.below(3) === 0 ? 'A: b\r\nC: d\r\n' : '';
  return `${text}0\r\n${trailer}\r\n`;
}

test('chunked body: in any pieces it ends where an obvious reader finds it', () => {
  const random = new Random(7);
  const seen = { whole: 0, cut: 0, odd: 0 };
  for (let round = 0; round < 20_000; round += 1) {
    let text = `${randomBody(random)}GET / HTTP/1.1\r\n`;
    if (random.below(2) === 0) {
      const at = random.below(text.length);
      const byte = '\r\n 0af;\0x'[random.below(9)]!;
      text = text.slice(0, at) + byte + text.slice(at + random.below(2));
    }
    if (random.below(3) === 0) text = text.slice(0, random.below(text.length));
    const expected = lengthOf(text);
    const body = new ChunkedBody();
    const bytes = Buffer.from(text, 'latin1');
    let taken = 0;
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + 1 + random.below(30));
      const left = body.left;
      if (left > piece.length) body.pass(piece.length);
      const count = left > piece.length ? piece.length : body.take(piece);
      taken += count;
      at += piece.length;
      if (count < piece.length) break;
    }
    const result = body.isComplete ? taken : body.isOdd ? -2 : -1;
    assert.is(result, expected, JSON.stringify(text));
    seen[result === -1 ? 'cut' : result === -2 ? 'odd' : 'whole'] += 1;
  }
  for (const count of Object.values(seen)) assert.ok(count > 500);
});

test.run();
