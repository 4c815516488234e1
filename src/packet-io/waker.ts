import * as libc from './libc.ts';
import type { Waker } from './device.ts';

/** An eventfd that ends another thread's wait; `fd` is passed to that thread by number. */
export class EventfdWaker implements Waker {
  readonly fd: number;
  readonly #one = libc.bytesOfItsOwn(8);
  readonly #address: number;

  constructor() {
    this.fd = libc.eventfd(0, libc.O_NONBLOCK | libc.O_CLOEXEC);
    if (this.fd < 0) throw new Error(`cannot make an eventfd: ${libc.errnoName(libc.errno())}`);
    this.#one[0] = 1;
    this.#address = libc.addressOf(this.#one);
  }

  wake(): void {
    libc.write(this.fd, this.#address, 8);
  }

  close(): void {
    libc.close(this.fd);
  }
}
