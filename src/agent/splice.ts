import { SPLICE_PORT_BITS, SPLICE_PORT_FIRST } from '../../assembly/calls.ts';
import type { Address } from '../channel/messages.ts';
import { formatAddress, type Prefix } from '../config/address.ts';
import type { SplicedServer } from '../config/splicing.ts';
import { addressIn } from './bindings.ts';

/**
 * The client of a spliced connection as its server sees it: it follows from the index of the
 * connection's entry, as in assembly/splice.ts. Undefined without a prefix of that family.
 */
export function splicePlace(
  prefixes: readonly Prefix[],
  entry: number,
  bytes: number,
): { address: Address; port: number } | undefined {
  const prefix = prefixes.find(({ network }) => network.length === bytes);
  if (!prefix) return undefined;
  const address = addressIn(prefix, 1 + (entry >>> SPLICE_PORT_BITS));
  return { address, port: SPLICE_PORT_FIRST + (entry % (1 << SPLICE_PORT_BITS)) };
}

/**
 * Whose bindings the connections of a spliced server have: each server has handoff addresses of its own,
 * and other ones when it moves to another address. No group has such a name.
 */
export function spliceGroup(group: string, name: string, { addresses }: SplicedServer): string {
  return `${group}/${name} ${addresses.map(formatAddress).join(' ')}`;
}
