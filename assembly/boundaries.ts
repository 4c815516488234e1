// Which connections are between two requests, looked for a part of the entries at a time.
import {
  ENTRY_FLAGS,
  ENTRY_LAST_SEEN,
  FLAG_AT_BOUNDARY,
  FLAG_REQUESTS,
  STATE_FORWARD,
} from './layout';
import { Framing } from './framing';
import { Pool } from './lookup/pool';
import { State } from './lookup/state';

export class Boundaries {
  /**
   * Sets FLAG_AT_BOUNDARY of the connections of which nothing came since the second `seenBefore` began,
   * and lists their indexes. Ends early when the list is full. Returns the length of the list.
   */
  static find(owner: u32, from: u32, end: u32, seenBefore: u32, list: usize, limit: u32): u32 {
    let listed: u32 = 0;
    for (let index = from; index < end && listed < limit; ++index) {
      const entry = Pool.entry(index);
      if (State.of(entry) != STATE_FORWARD) continue;
      const flags = load<u32>(entry, ENTRY_FLAGS) & (FLAG_REQUESTS | FLAG_AT_BOUNDARY);
      if (flags != FLAG_REQUESTS || load<u32>(entry, ENTRY_LAST_SEEN) >= seenBefore) continue;
      if (!Framing.rest(owner, entry)) continue;
      store<u32>(list + listed * sizeof<u32>(), index);
      ++listed;
    }
    return listed;
  }
}
