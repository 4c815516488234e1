import { NO_SERVER } from '../dispatcher/policy.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { removeEntry } from '../switch/update.ts';
import { endWait } from './await-server.ts';
import { WAITING_LIMIT } from './queues.ts';

/** Between two rounds of questions about a connection, and most of them. */
const ASK_INTERVAL_MS = 1000;
const QUESTIONS_LIMIT = 20;

/** Another switch of the group may have given it to a server: they and the agents are asked first. */
export function awaitsOthers(state: SwitchState, opening: Opening, nowMs: number): boolean {
  const handing = opening.handing!;
  const { owners, questions, waiting } = state;
  handing.isReserved = false;
  if (!owners.areThere || !questions.mustAsk(state, opening, nowMs)) return false;
  handing.isReserved = questions.isFree(opening, nowMs);
  if (handing.isReserved) return false;
  const asked = { tuple: opening.tuple, clientIsn: opening.entryIsn };
  handing.server = NO_SERVER;
  handing.questions += 1;
  const isTooMuch = handing.questions > QUESTIONS_LIMIT || waiting.size >= WAITING_LIMIT;
  if (isTooMuch || !questions.ask(state, asked, opening, nowMs)) {
    dropHanding(state, opening);
    return true;
  }
  waiting.add(opening);
  opening.deadlineMs = nowMs + ASK_INTERVAL_MS;
  state.deadlines.add(opening, opening.deadlineMs);
  return true;
}

/** Nobody else has it. */
export function askedAnew(state: SwitchState, opening: Opening, nowMs: number): void {
  if (state.waiting.has(opening)) endWait(state, opening, nowMs);
}

/** Without a word: another switch has it, or its client tries again. */
export function dropHanding(state: SwitchState, opening: Opening): void {
  if (opening.phase !== 'handing' || opening.handing!.server !== NO_SERVER) return;
  state.forget(opening);
  removeEntry(state, opening.entry, opening.id);
}
