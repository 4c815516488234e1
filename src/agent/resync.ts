import type { HandoffId, ResyncEntry } from '../channel/messages.ts';
import { idKey } from '../tuple.ts';

/**
 * What was here when a peer's channel came up and its list has not named yet. Handoffs that arrive
 * later cannot be missing by mistake, so they never stand here.
 */
export class Comparison {
  readonly #unnamed: Map<string, ResyncEntry>;

  constructor(here: ResyncEntry[]) {
    this.#unnamed = new Map(here.map((entry) => [idKey(entry.id), entry]));
  }

  /** After the last chunk: what the peer does not know. */
  named(chunk: { id: HandoffId }[]): void {
    for (const { id } of chunk) this.#unnamed.delete(idKey(id));
  }

  rest(): ResyncEntry[] {
    return [...this.#unnamed.values()];
  }
}
