// Requests whose pool keys on a field of a JSON body: the body is read, too, as far as it is needed.
import { HEAD_FLAG_EXPECT } from '../../../assembly/calls.ts';
import { JsonField } from '../dispatcher/json-field.ts';
import type { RequestHead } from '../dispatcher/request-head.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';

/** Looks for the field in what is here; a request without one is chosen for by its path. */
export function beginField(
  state: SwitchState,
  opening: Opening,
  head: RequestHead,
  nowMs: number,
): void {
  opening.field = null;
  if (!state.dispatcher.readsBodies) return;
  const pool = opening.service.rules.poolFor(head);
  const wanted = pool === null ? null : state.dispatcher.fieldOf(pool);
  // in a chunked body the value may be in pieces, with sizes between them
  if (!wanted || head.isChunked) return;
  const finder = new JsonField(wanted, head.length, head.end);
  finder.read(opening.gather.contents);
  // whoever waits for "100 Continue" waits for the server
  const waitMs = (head.flags & HEAD_FLAG_EXPECT) !== 0 ? 0 : wanted.waitMs;
  opening.field = { finder, head: head.image, untilMs: nowMs + waitMs };
}

/** Whether more of the body may tell more, and there is room and time for it. */
export function awaitsField({ field, gather }: Opening, nowMs: number): boolean {
  if (!field) return false;
  field.finder.read(gather.contents);
  return !field.finder.isDone && gather.room > 0 && nowMs < field.untilMs;
}
