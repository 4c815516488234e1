// How a pool finds out which of its servers work: `health:`.
import { z } from 'zod';
import { milliseconds, port, section, text, whole } from './fields.ts';

const CHECK = 'tcp, or http: { path, expect }, or handoff: { path, expect }';
const PATH = 'a path that begins with /';
const times = (what: string) => whole(1, 1000, what);

const http = section({
  path: text(PATH).regex(/^\/[!-~]*$/, { error: PATH }),
  expect: whole(100, 599, 'a status').optional().describe('else any from 200 to 399'),
});

/** Active checks where `check` is there, passive ones where `failures` is. */
export const health = section({
  check: z
    .union([z.enum(['tcp'], { error: 'tcp' }), section({ http }), section({ handoff: http })], {
      error: CHECK,
    })
    .optional()
    .describe('what the switch tries by itself: the address of the agent, or a handoff to it'),
  port: port.optional().describe("where it tries, else the server's port"),
  intervalMs: milliseconds.default(2000).describe('between two checks'),
  timeoutMs: milliseconds.default(1000).describe('a check that takes longer has failed'),
  rise: times('checks').default(2).describe('so many good checks in a row bring a server back'),
  fall: times('checks').default(3).describe('so many failed checks in a row take it out'),
  failures: times('handoffs')
    .optional()
    .describe('so many failed handoffs in a row take a server out, never the last one'),
  downMs: milliseconds.default(10_000).describe('for so long'),
});

export type HealthConfig = z.output<typeof health>;
export type HealthCheck = NonNullable<HealthConfig['check']>;
