// When a connection was last seen: a hint, so it is written without the lock, and only when the
// second changed. An entry that was reused in between gets a value that is right for it as well.
import { ENTRY_LAST_SEEN } from '../layout';

const SECONDS_PER_MS: f64 = 0.001;

export class LastSeen {
  @inline
  static second(nowMs: f64): u32 {
    return <u32>(nowMs * SECONDS_PER_MS);
  }

  @inline
  static touch(entry: usize, copy: usize, nowMs: f64): void {
    const second = LastSeen.second(nowMs);
    if (load<u32>(copy, ENTRY_LAST_SEEN) != second) store<u32>(entry, second, ENTRY_LAST_SEEN);
  }
}
