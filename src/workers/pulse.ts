/** Looks in vain before a worker counts as hung; a pass takes less than a millisecond. */
const LOOKS = 6;

/**
 * Judges from a worker's heartbeat, looked at again and again, whether its thread hangs. It counts looks,
 * not time: a host that was suspended, or a process that was stopped, finds all its threads well.
 */
export class Pulse {
  #last = -1;
  #stillFor = 0;

  /** `isPassing`: the thread should make passes. True once the heartbeat stood still for all looks. */
  hasStopped(heartbeat: number, isPassing: boolean): boolean {
    this.#stillFor = isPassing && heartbeat === this.#last ? this.#stillFor + 1 : 0;
    this.#last = heartbeat;
    if (this.#stillFor < LOOKS) return false;
    this.#stillFor = 0;
    return true;
  }
}
