import type { Tuple } from '../channel/messages.ts';

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const VERSION_PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const PORTS_BYTES = 4;

/**
 * What a server is told of its client before the client's first byte: the header of version 2 of the
 * PROXY protocol (section 2.2 of its specification), without TLVs.
 */
export function proxyHeader({ client, clientPort, vip, vipPort }: Tuple): Uint8Array {
  const length = 2 * client.length + PORTS_BYTES;
  const family = client.length === 4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6;
  const ports = [clientPort, vipPort].flatMap((port) => [port >>> 8, port & 0xff]);
  const head = [...SIGNATURE, VERSION_PROXY, family, length >>> 8, length & 0xff];
  return Uint8Array.from([...head, ...client, ...vip, ...ports]);
}
