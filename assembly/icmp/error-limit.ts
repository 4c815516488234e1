import { RECORD_ICMP_ERRORS, WORKER_SECOND } from '../layout';
import { Pool } from '../lookup/pool';

/** More than routers send about one connection, which make one error per packet and limit these. */
const ERRORS_PER_SECOND: u32 = 16;
const COUNT_BITS: u32 = 8;
const COUNT_MASK: u32 = 0xff;

/**
 * How many errors a connection's server gets to judge. Per connection, so that errors about one's own
 * connection use up nothing of the others'. Written without the lock: a hint, as the last-seen second is.
 */
export class ErrorLimit {
  static allows(worker: usize, entry: usize): bool {
    const record = Pool.record(entry);
    const second = load<u32>(worker, WORKER_SECOND) << COUNT_BITS;
    const noted = load<u32>(record, RECORD_ICMP_ERRORS);
    const count = (noted & ~COUNT_MASK) == second ? noted & COUNT_MASK : 0;
    if (count >= ERRORS_PER_SECOND) return false;
    store<u32>(record, second | (count + 1), RECORD_ICMP_ERRORS);
    return true;
  }
}
