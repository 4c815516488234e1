// What strangers can make many of before a server has anything of theirs: connections whose request is
// half read, and those that are told farewell. Each kind has a limit; above it the oldest goes.
import { advance } from '../../packet/sequence.ts';
import type { Opening } from '../opening.ts';
import type { SwitchState } from '../state.ts';
import { removeEntry } from '../switch/update.ts';
import { leave, sendReset } from './refuse.ts';

/** A connection's first data has come, and is no whole request. */
export function joinHalfRead(state: SwitchState, opening: Opening): void {
  const { halfRead, crowdLimit } = state;
  halfRead.add(opening);
  if (halfRead.size <= crowdLimit) return;
  for (const oldest of halfRead) return dropHalfRead(state, oldest);
}

/** Its client hears so: what of its request was acknowledged it would never send again. */
function dropHalfRead(state: SwitchState, opening: Opening): void {
  state.figures.halfReadEvicted += 1;
  sendReset(state, opening, advance(opening.switchIsn, 1));
  state.forget(opening);
  removeEntry(state, opening.entry, opening.id);
}

/** A connection was refused or reset; what it sends is answered from here on. */
export function joinFarewells(state: SwitchState, opening: Opening, nowMs: number): void {
  const { farewells, crowdLimit } = state;
  farewells.add(opening);
  if (farewells.size <= crowdLimit) return;
  for (const oldest of farewells) {
    state.figures.farewellsCut += 1;
    return leave(state, oldest, oldest.farewell!.lingerMs, nowMs);
  }
}
