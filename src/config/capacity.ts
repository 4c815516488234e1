// How much the servers of a pool take at a time, and what becomes of the rest.
import { z } from 'zod';
import { milliseconds, name, section, whole } from './fields.ts';

const queue = section({
  length: whole(0, 65_536, 'a number of requests')
    .default(1024)
    .describe('so many wait at a time, the first to come is the first to go'),
  timeoutMs: milliseconds.default(5000).describe('so long each of them waits, then 503'),
});

const QUORUM = 'a number of servers, or a percentage such as "50%"';
const quorum = z.union(
  [whole(1, 65_535, 'servers'), z.string().regex(/^([1-9]\d?|100)%$/, { error: QUORUM })],
  { error: QUORUM },
);

/** Keys of a pool; maxConnections is one of a server, too. */
export const capacity = {
  maxConnections: whole(1, 1_000_000, 'a number of connections')
    .optional()
    .describe('most at a time of a server, given by this host'),
  queue: queue.optional().describe('requests for which no server is there, or has room'),
  quorum: quorum.optional().describe('with fewer servers that can be used the pool is down (1)'),
  hysteresis: whole(0, 65_535, 'servers')
    .optional()
    .describe('the pool goes down so many servers below the quorum, comes up so many above (0)'),
  sorry: name.optional().describe('pool that gets the new connections while this one is down'),
};

export type QueueConfig = z.output<typeof queue>;

interface QuorumKeys {
  quorum?: number | string | undefined;
  hysteresis?: number | undefined;
  sorry?: string | undefined;
}

/** When a pool of so many servers is down; undefined: never. */
export function quorumOf({ quorum, hysteresis = 0, sorry }: QuorumKeys, servers: number) {
  if (quorum === undefined && sorry === undefined) return undefined;
  const least = typeof quorum === 'string' ? (Number.parseInt(quorum, 10) * servers) / 100 : quorum;
  return { least: Math.max(1, Math.ceil(least ?? 1)), hysteresis };
}
