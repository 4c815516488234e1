import * as L from '../../../../assembly/layout.ts';
import { RequestHead } from '../../../../src/control/dispatcher/request-head.ts';
import { createCore } from '../../../../src/core.ts';

const core = await createCore(
  { role: 'switch', connections: 16, workers: 1, slots: 1, seeds: [1n, 2n] },
  'single',
);

/** The head as the core parses it; throws when it is refused or incomplete. */
export function parseHead(text: string): RequestHead {
  const bytes = new TextEncoder().encode(text);
  core.bytes.set(bytes, L.CONTROL_BUFFER);
  const result = core.parseHead(L.CONTROL_BUFFER, bytes.length, L.CONTROL_HEAD);
  if (result <= 0) throw new Error(`parseHead: ${result}`);
  return new RequestHead(bytes, core.view, L.CONTROL_HEAD);
}
