import * as libc from './libc.ts';

const POLLFD_SIZE = 8;
const POLLFD_EVENTS = 4;
const POLLFD_RETURNED = 6;

/** Waits for a device's descriptors or a wake-up, whichever comes first. For one thread. */
export class Readiness {
  readonly #wakeFd: number;
  /** of the device */
  readonly #fds: number;
  readonly #polled: Uint8Array;
  readonly #view: DataView;
  readonly #address: number;
  readonly #count = libc.bytesOfItsOwn(8);
  readonly #countAddress = libc.addressOf(this.#count);

  /** `wakeFd`: an eventfd, whose count is taken by the wait that it ends. */
  constructor(fds: readonly number[], wakeFd: number) {
    this.#wakeFd = wakeFd;
    this.#fds = fds.length;
    this.#polled = libc.bytesOfItsOwn((fds.length + 1) * POLLFD_SIZE);
    this.#view = new DataView(this.#polled.buffer);
    this.#address = libc.addressOf(this.#polled);
    for (const [index, polledFd] of [...fds, wakeFd].entries()) {
      this.#view.setInt32(index * POLLFD_SIZE, polledFd, true);
      this.#view.setInt16(index * POLLFD_SIZE + POLLFD_EVENTS, libc.POLLIN, true);
    }
  }

  /** At most timeoutMs, -1 = no limit. */
  wait(timeoutMs: number): void {
    const wake = this.#fds;
    if (libc.poll(this.#address, wake + 1, timeoutMs) <= 0) return;
    // a device that somebody deleted is always "ready": wait for the wake-up alone, or this would spin
    if (this.#hasGone()) {
      if (libc.poll(this.#address + wake * POLLFD_SIZE, 1, timeoutMs) <= 0) return;
    }
    if (this.#returned(wake) !== 0) libc.read(this.#wakeFd, this.#countAddress, 8);
  }

  #hasGone(): boolean {
    for (let index = 0; index < this.#fds; index += 1) {
      if (this.#returned(index) > libc.POLLIN) return true;
    }
    return false;
  }

  #returned(index: number): number {
    return this.#view.getInt16(index * POLLFD_SIZE + POLLFD_RETURNED, true);
  }
}
