import * as libc from './libc.ts';

// Linux's native AIO (io_submit(2), linux/aio_abi.h). A TUN does each operation at once and in order, so
// that all results are there when io_submit returns: what is saved is the way into the kernel, per packet.

/** Numbers of the system calls, which have no name in the C library. */
interface CallNumbers {
  setup: number;
  submit: number;
  getevents: number;
}

const GENERIC: CallNumbers = { setup: 0, submit: 2, getevents: 4 };
const CALL_NUMBERS: Record<string, CallNumbers> = {
  x64: { setup: 206, submit: 209, getevents: 208 },
  arm64: GENERIC,
  riscv64: GENERIC,
  loong64: GENERIC,
};

// struct iocb, 64 bytes, as u32 words
const IOCB_WORDS = 16;
const IOCB_POSITION = 0; // aio_data comes back with the result
const IOCB_OPCODE = 4; // u16, priority above
const IOCB_FD = 5;
const IOCB_ADDRESS = 6; // u64
const IOCB_LENGTH = 8; // u64

// struct io_event, 32 bytes, as u32 words
const EVENT_WORDS = 8;
const EVENT_POSITION = 0;
const EVENT_RESULT = 4;

const HIGH = 0x100000000;

export const READ = 0; // IOCB_CMD_PREAD
export const WRITE = 1; // IOCB_CMD_PWRITE

/** Reads and writes of one non-blocking file, many in one system call. For one thread. */
export class IoBatch {
  readonly #fd: number;
  readonly #context: number;
  readonly #calls: CallNumbers;
  readonly #iocbs: Uint32Array;
  /** addresses of the iocbs; kept here, or it would be collected under the kernel's feet */
  readonly #pointers: BigUint64Array;
  readonly #pointersAddress: number;
  readonly #events: Int32Array;
  readonly #eventsAddress: number;
  #count = 0;
  /** by position: bytes, or -errno */
  readonly results: Int32Array;

  /** Undefined where the kernel has no such thing or keeps it from this process. */
  static open(fd: number, limit: number): IoBatch | undefined {
    const calls = CALL_NUMBERS[process.arch];
    if (!calls) return undefined;
    const context = libc.bytesOfItsOwn(8);
    if (libc.syscall(calls.setup, limit, libc.addressOf(context), 0, 0, 0) < 0) return undefined;
    const address = Number(new BigUint64Array(context.buffer)[0]);
    return new IoBatch(fd, limit, calls, address);
  }

  private constructor(fd: number, limit: number, calls: CallNumbers, context: number) {
    this.#fd = fd;
    this.#context = context;
    this.#calls = calls;
    const iocbs = libc.bytesOfItsOwn(limit * IOCB_WORDS * 4);
    const pointers = libc.bytesOfItsOwn(limit * 8);
    const events = libc.bytesOfItsOwn(limit * EVENT_WORDS * 4);
    this.#iocbs = new Uint32Array(iocbs.buffer);
    this.#events = new Int32Array(events.buffer);
    this.#pointersAddress = libc.addressOf(pointers);
    this.#eventsAddress = libc.addressOf(events);
    this.results = new Int32Array(limit);
    const first = libc.addressOf(iocbs);
    this.#pointers = new BigUint64Array(pointers.buffer);
    for (let position = 0; position < limit; position += 1) {
      this.#pointers[position] = BigInt(first + position * IOCB_WORDS * 4);
    }
  }

  /** Adds READ or WRITE of `length` bytes at an address; its position is how many were added before. */
  add(opcode: number, address: number, length: number): void {
    const words = this.#iocbs;
    const at = this.#count * IOCB_WORDS;
    words[at + IOCB_POSITION] = this.#count;
    words[at + IOCB_OPCODE] = opcode;
    words[at + IOCB_FD] = this.#fd;
    words[at + IOCB_ADDRESS] = address;
    words[at + IOCB_ADDRESS + 1] = Math.floor(address / HIGH);
    words[at + IOCB_LENGTH] = length;
    this.#count += 1;
  }

  /** Does all that was added, in that order; `results` holds what came out. */
  submit(): void {
    const count = this.#count;
    this.#count = 0;
    this.results.fill(-libc.EAGAIN, 0, count);
    const { submit, getevents } = this.#calls;
    const begun = libc.syscall(submit, this.#context, count, this.#pointersAddress, 0, 0);
    if (begun <= 0) return;
    const done = libc.syscall(getevents, this.#context, begun, begun, this.#eventsAddress, 0);
    for (let at = 0; at < done * EVENT_WORDS; at += EVENT_WORDS) {
      this.results[this.#events[at + EVENT_POSITION] ?? 0] = this.#events[at + EVENT_RESULT] ?? 0;
    }
  }
}
