import * as fc from 'fast-check';
import { isIPv6 } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  formatAddress,
  formatEndpoint,
  formatPrefix,
  isUnicast,
  parseAddress,
  parseEndpoint,
  parsePort,
  parsePrefix,
  prefixContains,
  prefixMask,
  prefixesOverlap,
} from '../../../src/config/address.ts';

const test = suite('address');

function parsed(text: string): Uint8Array {
  const address = parseAddress(text);
  assert.ok(address, text);
  return address as Uint8Array;
}

test('address: IPv6 is written as RFC 5952 says', () => {
  const forms: [string, string][] = [
    ['2001:0db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
  ];
  for (const [from, to] of forms) assert.is(formatAddress(parsed(from)), to);
});

test('address: bytes to text and back are the same bytes', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.array(fc.constantFrom(0, 0, 0, 1, 0xab), { minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(bytes, (value) => {
      const address = Uint8Array.from(value);
      const text = formatAddress(address);
      assert.equal(parseAddress(text), address);
      if (address.length === 16) assert.ok(isIPv6(text));
      assert.equal(parseEndpoint(formatEndpoint(address, 7080)), { address, port: 7080 });
    }),
  );
});

test('address: what is no address is refused', () => {
  const wrong = ['', '1.2.3', '1.2.3.256', '01.2.3.4', ':::', '1::2::3', 'fe80::1%eth0', 'host'];
  for (const text of wrong) assert.is(parseAddress(text), undefined, text);
});

test('address: endpoints need a port of 1 to 65535 and brackets around IPv6', () => {
  assert.equal(parseEndpoint('10.0.0.1:80'), { address: Uint8Array.of(10, 0, 0, 1), port: 80 });
  assert.is(parseEndpoint('[::1]:80')?.address.length, 16);
  const wrong = [
    '10.0.0.1',
    '10.0.0.1:',
    '10.0.0.1:0',
    '10.0.0.1:65536',
    '::1:80',
    '[10.0.0.1]:80',
  ];
  for (const text of [...wrong, '10.0.0.1:80a', '10.0.0.1:080', ':80', 'a:b:1', '[]:1']) {
    assert.is(parseEndpoint(text), undefined, text);
  }
  assert.is(parsePort('65535'), 65535);
});

test('address: prefixes have no host bits and know what they hold', () => {
  const prefix = parsePrefix('10.81.128.0/17');
  assert.ok(prefix);
  assert.is(formatPrefix(prefix!), '10.81.128.0/17');
  assert.equal([...prefixMask(prefix!)], [255, 255, 128, 0]);
  assert.ok(prefixContains(prefix!, parsed('10.81.255.1')));
  assert.not(prefixContains(prefix!, parsed('10.81.127.1')));
  assert.not(prefixContains(prefix!, parsed('::')));
  assert.ok(prefixesOverlap(prefix!, parsePrefix('10.0.0.0/8')!));
  assert.not(prefixesOverlap(prefix!, parsePrefix('10.81.0.0/17')!));
  for (const text of ['10.81.1.1/24', '10.0.0.0/33', 'fd00::/129', '10.0.0.0', '10.0.0.0/', '/8']) {
    assert.is(parsePrefix(text), undefined, text);
  }
  assert.equal(
    [...prefixMask(parsePrefix('::/0')!)].every((byte) => byte === 0),
    true,
  );
});

test('address: hosts are not reached at unspecified, loopback, multicast addresses', () => {
  const wrong = ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', '::', '::1', 'ff02::1'];
  for (const text of wrong) assert.not(isUnicast(parsed(text)), text);
  for (const text of ['192.0.2.80', '2001:db8::1', 'fd81::1']) assert.ok(isUnicast(parsed(text)));
});

test.run();
