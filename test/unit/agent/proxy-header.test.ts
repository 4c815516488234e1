import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { proxyHeader } from '../../../src/agent/proxy-header.ts';
import { parseAddress } from '../../../src/config/address.ts';

const test = suite('PROXY header');

/** Hexadecimal, with the specification's field order (section 2.2). */
const SIGNATURE = '0d0a0d0a000d0a515549540a';

function header(client: string, vip: string): string {
  const ends = { client: parseAddress(client)!, vip: parseAddress(vip)! };
  return Buffer.from(proxyHeader({ ...ends, clientPort: 0xc1d2, vipPort: 443 })).toString('hex');
}

test('PROXY header: IPv4 has its addresses and ports in 28 bytes', () => {
  // version 2 and PROXY, TCP over IPv4, 12 bytes; source, destination, source port, destination port
  const wanted = [SIGNATURE, '21', '11', '000c', 'c6336407', 'c0000250', 'c1d2', '01bb'].join('');
  assert.is(header('198.51.100.7', '192.0.2.80'), wanted);
});

test('PROXY header: IPv6 has its addresses and ports in 52 bytes', () => {
  const client = '20010db8005100000000000000000007';
  const vip = '20010db8008000000000000000000080';
  const wanted = [SIGNATURE, '21', '21', '0024', client, vip, 'c1d2', '01bb'].join('');
  assert.is(header('2001:db8:51::7', '2001:db8:80::80'), wanted);
});

test.run();
