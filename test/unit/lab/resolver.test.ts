import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { answerQuery } from '../../../src/lab/resolver.ts';

const test = suite('resolver');
const ADDRESSES = ['192.0.2.80', '2001:db8:80::80', '192.0.2.96', '2001:db8:81::80'];
const NAME = '\u0003web\u0003lab\0';

function query(name: string, type: number): Buffer {
  const head = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, Buffer.from(name, 'latin1'), Buffer.from([0, type, 0, 1])]);
}

function last4(answer: Buffer): string {
  return [...answer.subarray(-4)].join('.');
}

test('resolver: the addresses of the name are told in turn, those of the family asked for', () => {
  const [one, two] = [0, 1].map((turn) => answerQuery(query(NAME, 1), ADDRESSES, turn)!);
  assert.is(one!.readUInt16BE(0), 0x1234);
  assert.is(one!.readUInt16BE(6), 2);
  assert.is(last4(one!), '192.0.2.96');
  assert.is(last4(two!), '192.0.2.80');
  const six = answerQuery(query(NAME, 28), ADDRESSES, 0)!;
  assert.is(six.subarray(-16).toString('hex'), '20010db8008100000000000000000080');
});

test('resolver: of another name it says that there is none; what is no query gets nothing', () => {
  const other = answerQuery(query('\u0003web\u0003foo\0', 1), ADDRESSES, 0)!;
  assert.is(other.readUInt16BE(2) & 0xf, 3);
  assert.is(other.readUInt16BE(6), 0);
  assert.is(answerQuery(Buffer.from('short'), ADDRESSES, 0), undefined);
  assert.is(answerQuery(query('\u00ff', 1), ADDRESSES, 0), undefined);
});

test.run();
