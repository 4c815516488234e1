// What the values of the configuration file look like, each with what a wrong one is told.
import { z } from 'zod';
import { isUnicast, parseAddress, parseEndpoint, parsePrefix } from './address.ts';

/** A whole number within bounds; `what` completes "expected ...". */
export function whole(least: number, most: number, what: string): z.ZodNumber {
  const error = `${what} (${least} to ${most})`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

export const port = whole(1, 65535, 'a port');
export const milliseconds = whole(1, 86_400_000, 'milliseconds');
export const text = (what: string): z.ZodString =>
  z.string({ error: what }).min(1, { error: what });

const NAME = 'a name of letters, digits, ".", "_" and "-" (1 to 63 characters)';
export const name = z
  .string({ error: NAME })
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, { error: NAME });
const DEVICE = 'a device name (1 to 15 characters, no "/" and no space)';
export const device = z.string({ error: DEVICE }).regex(/^[^\s/]{1,15}$/, { error: DEVICE });

export function readable(what: string, accepts: (value: string) => boolean): z.ZodString {
  return z.string({ error: what }).refine(accepts, { error: what });
}

export const vip = readable('a unicast IPv4 or IPv6 address', (value) => {
  const address = parseAddress(value);
  return address !== undefined && isUnicast(address);
});
export const endpoint = readable('address:port, IPv6 as [address]:port', (value) => {
  return parseEndpoint(value) !== undefined;
});
export const prefix = readable('a prefix such as 10.81.1.0/24 without host bits', (value) => {
  return parsePrefix(value) !== undefined;
});
const KEY = '64 hex digits in quotes (make them with: openssl rand -hex 32)';
export const key = z.string({ error: KEY }).regex(/^[0-9a-fA-F]{64}$/, { error: KEY });
export const weight = z
  .number({ error: 'a weight above 0, at most 65535' })
  .positive({ error: 'a weight above 0, at most 65535' })
  .max(65535, { error: 'a weight above 0, at most 65535' });
export const connections = whole(16, 4_194_304, 'a number of connections').default(65536);
export const patterns = z.record(
  text('a name'),
  z.string({ error: 'a pattern (text in quotes)' }),
  {
    error: 'name: pattern pairs',
  },
);

export function listOf<Item extends z.ZodType>(item: Item, what: string): z.ZodArray<Item> {
  const error = `a list of ${what}, at least one`;
  return z.array(item, { error }).min(1, { error });
}

export function section<Shape extends z.ZodRawShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, { error: 'keys and values' });
}
