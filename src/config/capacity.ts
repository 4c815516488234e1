// How much the servers of a pool take at a time, and what becomes of the rest.
import { z } from 'zod';
import { milliseconds, section, whole } from './fields.ts';

const queue = section({
  length: whole(0, 65_536, 'a number of requests')
    .default(1024)
    .describe('so many wait at a time, the first to come is the first to go'),
  timeoutMs: milliseconds.default(5000).describe('so long each of them waits, then 503'),
});

/** Keys of a pool; maxConnections is one of a server, too. */
export const capacity = {
  maxConnections: whole(1, 1_000_000, 'a number of connections')
    .optional()
    .describe('most at a time of a server, given by this host'),
  queue: queue.optional().describe('requests for which no server is there, or has room'),
};

export type QueueConfig = z.output<typeof queue>;
