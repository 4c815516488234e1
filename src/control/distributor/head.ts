import * as L from '../../../assembly/layout.ts';
import { HEAD_ERROR_TOO_LONG } from '../../../assembly/parse/head-errors.ts';
import { RequestHead } from '../dispatcher/request-head.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';

/** The request head with which what is gathered begins; the status that refuses it; null: more must come. */
export function readHead(
  { connections, core }: SwitchState,
  { gather }: Opening,
): RequestHead | 400 | 431 | null {
  const bytes = gather.contents;
  connections.writeBuffer(bytes);
  const result = core.parseHead(L.CONTROL_BUFFER, bytes.length, L.CONTROL_HEAD);
  if (result > 0) return new RequestHead(bytes, connections.view, L.CONTROL_HEAD);
  if (result === 0 && gather.room > 0) return null;
  return result === 0 || -result === HEAD_ERROR_TOO_LONG ? 431 : 400;
}
