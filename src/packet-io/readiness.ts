import * as libc from './libc.ts';

const POLLFD_SIZE = 8;
const POLLFD_EVENTS = 4;
const POLLFD_RETURNED = 6;

/** Waits for a device's descriptor or a wake-up, whichever comes first. For one thread. */
export class Readiness {
  readonly #wakeFd: number;
  readonly #polled = libc.bytesOfItsOwn(2 * POLLFD_SIZE);
  readonly #view = new DataView(this.#polled.buffer);
  readonly #address = libc.addressOf(this.#polled);
  readonly #count = libc.bytesOfItsOwn(8);
  readonly #countAddress = libc.addressOf(this.#count);

  /** `wakeFd`: an eventfd, whose count is taken by the wait that it ends. */
  constructor(fd: number, wakeFd: number) {
    this.#wakeFd = wakeFd;
    for (const [index, polledFd] of [fd, wakeFd].entries()) {
      this.#view.setInt32(index * POLLFD_SIZE, polledFd, true);
      this.#view.setInt16(index * POLLFD_SIZE + POLLFD_EVENTS, libc.POLLIN, true);
    }
  }

  /** At most timeoutMs, -1 = no limit. */
  wait(timeoutMs: number): void {
    if (libc.poll(this.#address, 2, timeoutMs) <= 0) return;
    // a device that somebody deleted is always "ready": wait for the wake-up alone, or this would spin
    if (this.#returned(0) > libc.POLLIN) {
      if (libc.poll(this.#address + POLLFD_SIZE, 1, timeoutMs) <= 0) return;
    }
    if (this.#returned(1) !== 0) libc.read(this.#wakeFd, this.#countAddress, 8);
  }

  #returned(index: number): number {
    return this.#view.getInt16(index * POLLFD_SIZE + POLLFD_RETURNED, true);
  }
}
