// Packets of connections that control is busy with: counted under the lock, queued without it.
import {
  RECORD_HELD_COUNT,
  RECORD_ID_RUN,
  QUEUE_PACKET,
  STATE_GATHERING,
  WORKER_OWNER,
} from './layout';
import { BucketLock, WORKER_TRIES } from './lookup/bucket-lock';
import { Chain } from './lookup/chain';
import { Pool } from './lookup/pool';
import { State } from './lookup/state';
import { Table } from './lookup/table';
import { Queue } from './queue';
import { DROP_TO_CONTROL_FULL, VERDICT_TO_CONTROL } from './verdict';
import { Workers } from './workers';

/** Instead of a verdict: the entry changed since it was read; look again. */
export const AGAIN: u32 = 0xff;

export class ToControl {
  /**
   * Queues the packet of an entry in GATHERING, HELD, REPLAYING or DRAINING. A verdict, or AGAIN.
   */
  static packet(worker: usize, slot: usize, entry: usize): u32 {
    const owner = load<u32>(worker, WORKER_OWNER);
    const id = Workers.id(worker);
    const bucket = Table.lock(owner, entry, WORKER_TRIES);
    if (bucket == 0) return AGAIN;
    const record = Pool.record(entry);
    const counts = State.isCounted(State.of(entry));
    const queues =
      (counts || State.of(entry) == STATE_GATHERING) && Chain.sameKey(entry, Workers.copy(worker));
    if (queues) {
      store<u64>(id, load<u64>(record, RECORD_ID_RUN));
      const held = load<u32>(record, RECORD_HELD_COUNT);
      store<u32>(record, held + u32(counts), RECORD_HELD_COUNT);
    }
    BucketLock.release(bucket);
    if (!queues) return AGAIN;
    if (Queue.push(worker, QUEUE_PACKET, Pool.index(entry), id, 0, slot)) return VERDICT_TO_CONTROL;
    if (counts) Table.held(owner, entry, load<u32>(id), load<u32>(id + sizeof<u32>()), 1);
    return DROP_TO_CONTROL_FULL << 8;
  }

  /**
   * Reads an entry's handoff id to Workers.id. False when the entry is another connection's by now.
   */
  static identify(worker: usize, entry: usize): bool {
    const bucket = Table.lock(load<u32>(worker, WORKER_OWNER), entry, WORKER_TRIES);
    if (bucket == 0) return false;
    const same = Chain.sameKey(entry, Workers.copy(worker));
    store<u64>(Workers.id(worker), load<u64>(Pool.record(entry), RECORD_ID_RUN));
    BucketLock.release(bucket);
    return same;
  }
}
