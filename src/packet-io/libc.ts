import koffi from 'koffi';

// The few C library calls that Node lacks or makes too dear: fs.readSync throws on EAGAIN (4 us a piece),
// and there is no ioctl, poll or eventfd at all. Addresses are plain numbers (47 bits: exact).

export const O_RDWR = 2;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const POLLIN = 1;
export const EAGAIN = 11;
export const EBUSY = 16;
export const ENOBUFS = 105;

const library = koffi.load('libc.so.6');

/** Opens a file; -1 on error. */
export const open = library.func('int open(const char *path, int flags)') as (
  path: string,
  flags: number,
) => number;

export const close = library.func('int close(int fd)') as (fd: number) => number;

/** ioctl with an argument that is a buffer. */
export const ioctlBuffer = library.func(
  'int ioctl(int fd, unsigned long request, void *argument)',
) as (fd: number, request: number, argument: Uint8Array) => number;

/** ioctl with an argument that is a number (flags by value). */
export const ioctlNumber = library.func(
  'int ioctl(int fd, unsigned long request, uintptr_t argument)',
) as (fd: number, request: number, argument: number) => number;

/** Reads up to `length` bytes to an address; bytes read or -1. */
export const read = library.func('intptr_t read(int fd, uintptr_t address, size_t length)') as (
  fd: number,
  address: number,
  length: number,
) => number;

/** Writes `length` bytes from an address; bytes written or -1. */
export const write = library.func('intptr_t write(int fd, uintptr_t address, size_t length)') as (
  fd: number,
  address: number,
  length: number,
) => number;

/** poll(2) on an array of struct pollfd (8 bytes each); ready descriptors, 0 = timeout, -1 = error. */
export const poll = library.func('int poll(uintptr_t fds, unsigned long count, int timeout)') as (
  fds: number,
  count: number,
  timeoutMs: number,
) => number;

/** eventfd(2); its flags are those of open. */
export const eventfd = library.func('int eventfd(unsigned int initial, int flags)') as (
  initial: number,
  flags: number,
) => number;

/** Why a call failed, as the end of a sentence: by errno, with the mend where `mends` knows one. */
export function refusal(what: string, mends: Readonly<Record<string, string>>): string {
  const name = errnoName(errno());
  return `${what}: ${name}${mends[name] ? ` (${mends[name]})` : ''}`;
}

/** mmap(2); the address, or -1. */
export const mmap = library.func(
  'intptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, long offset)',
) as (
  address: number,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => number;

export const socket = library.func('int socket(int family, int type, int protocol)') as (
  family: number,
  type: number,
  protocol: number,
) => number;

/** bind(2) to a sockaddr of the family's own form. */
export const bind = library.func('int bind(int fd, void *address, unsigned int length)') as (
  fd: number,
  address: Uint8Array,
  length: number,
) => number;

export const setsockopt = library.func(
  'int setsockopt(int fd, int level, int option, void *value, unsigned int length)',
) as (fd: number, level: number, option: number, value: Uint8Array, length: number) => number;

/** `length`: address of a u32, the value's room and then its bytes. */
export const getsockopt = library.func(
  'int getsockopt(int fd, int level, int option, void *value, void *length)',
) as (fd: number, level: number, option: number, value: Uint8Array, length: Uint8Array) => number;

/** recv(2); bytes received or -1. */
export const receive = library.func(
  'intptr_t recv(int fd, uintptr_t address, size_t length, int flags)',
) as (fd: number, address: number, length: number, flags: number) => number;

/** send(2); bytes sent or -1. */
export const send = library.func(
  'intptr_t send(int fd, uintptr_t address, size_t length, int flags)',
) as (fd: number, address: number, length: number, flags: number) => number;

/** sendto(2) to a sockaddr of the family's own form; bytes sent or -1. */
export const sendTo = library.func(
  'intptr_t sendto(int fd, void *bytes, size_t length, int flags, void *address, unsigned int size)',
) as (
  fd: number,
  bytes: Uint8Array,
  length: number,
  flags: number,
  address: Uint8Array,
  size: number,
) => number;

/** capset(2) of this thread; its two arguments are the kernel's structures. */
export const capset = library.func('int capset(void *header, void *sets)') as (
  header: Uint8Array,
  sets: Uint8Array,
) => number;

/** prctl(2) of this thread. */
export const prctl = library.func(
  'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
) as (option: number, a: number, b: number, c: number, d: number) => number;

/** Index of a network device, 0 = there is none of that name. */
export const interfaceIndex = library.func('unsigned int if_nametoindex(const char *name)') as (
  name: string,
) => number;

/** flock(2); -1 on error. */
export const flock = library.func('int flock(int fd, int operation)') as (
  fd: number,
  operation: number,
) => number;

/** setns(2) of this thread; -1 on error. */
export const setns = library.func('int setns(int fd, int kind)') as (
  fd: number,
  kind: number,
) => number;

/** unshare(2) of this thread; -1 on error. */
export const unshare = library.func('int unshare(int kinds)') as (kinds: number) => number;

/** syscall(2), for calls that the C library does not name. */
export const syscall = library.func(
  'long syscall(long number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e)',
) as (number: number, a: number, b: number, c: number, d: number, e: number) => number;

/** errno of this thread's last call through this file. */
export function errno(): number {
  return koffi.errno();
}

/** Name of an errno, e.g. `EPERM`, or its number. */
export function errnoName(code: number): string {
  const names = koffi.os.errno as Record<string, number>;
  return Object.keys(names).find((name) => names[name] === code) ?? `errno ${code}`;
}

/** Address of the first byte of a view. The memory must not move: a shared Wasm memory never does,
 * an ArrayBuffer of its own (`bytesOfItsOwn`) neither. */
export function addressOf(view: Uint8Array): number {
  return Number(koffi.address(view));
}

/** Bytes outside Node's pool of small buffers, whose address stays what it is. */
export function bytesOfItsOwn(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}
