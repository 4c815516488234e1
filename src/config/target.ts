// What the policy of a pool keys on.
import { z } from 'zod';
import { milliseconds, section, text, whole } from './fields.ts';

const WHAT =
  'path, host+path, { header: NAME }, { cookie: NAME }, { query: NAME } or ' +
  '{ json: { field: messages[0].content, bytes: 256 } }';
const TOKEN = "a name of letters, digits and !#$%&'*+.^_`|~-";
const token = z.string({ error: TOKEN }).regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, {
  error: TOKEN,
});
const FIELD =
  'names with "." between them and [0] for places in lists, such as messages[0].content';
const field = z
  .string({ error: FIELD })
  .max(256, { error: FIELD })
  .regex(/^[\w-]+(\[\d{1,4}\]|\.[\w-]+){0,15}$/, { error: FIELD });

const json = section({
  field: field.describe('where in the body'),
  bytes: whole(1, 8192, 'bytes').default(256).describe('so many bytes of it count'),
  waitMs: milliseconds
    .max(5000)
    .default(100)
    .describe('so long after the head the body is waited for'),
});

export const target = z
  .union(
    [
      z.enum(['path', 'host+path']),
      section({ header: token }),
      section({ cookie: token }),
      section({ query: text('the name of a query parameter') }),
      section({ json }),
    ],
    { error: WHAT },
  )
  .optional()
  .describe('what the policy keys on: path (default); where a request has none of it: path');

export type TargetConfig = NonNullable<z.output<typeof target>>;
export type JsonFieldConfig = z.output<typeof json>;
