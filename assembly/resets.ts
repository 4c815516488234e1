// RSTs and SYNs that a client sends in a connection of the agent's host.
import { RESETS_LIMIT } from './calls';
import { ENTRY_STATE, QUEUE_RESET, RECORD_RESETS, STATE_CLOSED } from './layout';
import { Atomic } from './lookup/atomic';
import { Pool } from './lookup/pool';
import { Queue } from './queue';
import { ToControl } from './to-control';
import { Workers } from './workers';

const REPORTS: u32 = RESETS_LIMIT;

export class Resets {
  /**
   * Only the kernel knows whether a client's RST was valid: control asks it. So it does when a client
   * begins anew: a kernel that has forgotten the connection would take the SYN past the dispatcher, one
   * that has not answers the question as it answers a SYN (RFC 5961 section 4.2).
   * A client that floods must not fill control's queue: it is told of the first, and that more came.
   */
  static report(worker: usize, slot: usize, entry: usize): void {
    if (load<u32>(Workers.copy(worker), ENTRY_STATE) == STATE_CLOSED) return;
    const resets = Pool.record(entry) + RECORD_RESETS;
    if (Atomic.load(resets) > REPORTS) return;
    const before = Atomic.add(resets, 1);
    if (before >= REPORTS) return;
    const told =
      ToControl.identify(worker, entry) &&
      Queue.push(worker, QUEUE_RESET, Pool.index(entry), Workers.id(worker), 0, slot);
    if (!told) Atomic.exchange(resets, before + 1, before);
  }
}
