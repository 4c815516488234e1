// bpf(2) without a library: programs, maps and links are file descriptors, and all of it ends with them.
import * as libc from '../libc.ts';

const BPF_CALL: Record<string, number> = { x64: 321, arm64: 280, riscv64: 280, loong64: 280 };
const MAP_CREATE = 0;
const MAP_UPDATE = 2;
const PROGRAM_LOAD = 5;
const PROGRAM_TEST_RUN = 10;
const LINK_CREATE = 28;

export const MAP_SOCKETS = 17; // BPF_MAP_TYPE_XSKMAP

export const SOCKET_FILTER = 1;
export const XDP = 6;

const ATTACH_XDP = 37;
/** in the driver, before the kernel makes a packet of its own kind of it */
export const NATIVE = 4;
/** behind the driver: works with every one, and is slower */
export const GENERIC = 2;

const ATTRIBUTES_SIZE = 128;
const LOG_SIZE = 65536;
const LOG_SHOWN = 400;

const MENDS: Record<string, string> = {
  EPERM:
    'CAP_BPF or CAP_NET_ADMIN is missing: run as root, or give the container ' +
    '--cap-add BPF --cap-add NET_ADMIN',
  ENOSYS: 'the kernel has no bpf(2): it needs CONFIG_BPF_SYSCALL',
  ENOMEM: 'too little memory may be locked: ulimit -l unlimited, or give CAP_IPC_LOCK',
  EBUSY: 'another program holds the device: ip link set dev DEVICE xdp off',
};

/** A call's attributes: numbers at their offsets; a view stands for its address. */
type Attributes = [offset: number, size: 4 | 8, value: number | bigint | Uint8Array][];

function call(command: number, attributes: Attributes): number {
  const number = BPF_CALL[process.arch];
  if (number === undefined) throw new Error(`bpf: no call number for ${process.arch}`);
  const bytes = libc.bytesOfItsOwn(ATTRIBUTES_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [offset, size, value] of attributes) {
    const plain = value instanceof Uint8Array ? libc.addressOf(value) : value;
    if (size === 8) view.setBigUint64(offset, BigInt(plain), true);
    else view.setUint32(offset, Number(plain), true);
  }
  const result = libc.syscall(number, command, libc.addressOf(bytes), ATTRIBUTES_SIZE, 0, 0);
  returned = view;
  return Number(result);
}

/** the attributes as the last call left them */
let returned: DataView = new DataView(new ArrayBuffer(ATTRIBUTES_SIZE));

function refuse(what: string, added = ''): never {
  throw new Error(libc.refusal(what, MENDS) + added);
}

/** Makes a map; returns its descriptor. Sizes in bytes. */
export function createMap(type: number, key: number, value: number, entries: number): number {
  const fd = call(MAP_CREATE, [
    [0, 4, type],
    [4, 4, key],
    [8, 4, value],
    [12, 4, entries],
  ]);
  return fd >= 0 ? fd : refuse('cannot make a BPF map');
}

/** Keys and values that the kernel reads must not move: bytesOfItsOwn. */
export function setElement(map: number, key: Uint8Array, value: Uint8Array): void {
  const done = call(MAP_UPDATE, [
    [0, 4, map],
    [8, 8, own(key)],
    [16, 8, own(value)],
  ]);
  if (done < 0) refuse('cannot write into a BPF map');
}

/** Outside the pool of small buffers; kept until the next ones, so that nothing collects them. */
function own(bytes: Uint8Array): Uint8Array {
  const copy = libc.bytesOfItsOwn(bytes.length);
  copy.set(bytes);
  kept.push(copy);
  if (kept.length > KEPT) kept.shift();
  return copy;
}

const KEPT = 4; // more than one call takes
const kept: Uint8Array[] = [];

/** Loads a program that was assembled; returns its descriptor. Throws with what the verifier said. */
export function loadProgram(type: number, instructions: Uint8Array): number {
  const licence = own(new TextEncoder().encode('Dual MIT/GPL\0'));
  const code = own(instructions);
  const load = (log: Uint8Array | undefined): number =>
    call(PROGRAM_LOAD, [
      [0, 4, type],
      [4, 4, instructions.length / 8],
      [8, 8, code],
      [16, 8, licence],
      ...(log
        ? ([
            [24, 4, 1],
            [28, 4, log.length],
            [32, 8, log],
          ] satisfies Attributes)
        : []),
    ]);
  const fd = load(undefined);
  if (fd >= 0) return fd;
  if (libc.errnoName(libc.errno()) === 'EPERM') return refuse('cannot load a BPF program');
  const log = libc.bytesOfItsOwn(LOG_SIZE);
  const again = load(log);
  if (again >= 0) return again;
  const said = Buffer.from(log).toString().replace(/\0+$/, '').trim().slice(-LOG_SHOWN);
  return refuse('cannot load a BPF program', said ? `\n${said}` : '');
}

/**
 * Attaches an XDP program to a device until the returned descriptor is closed; undefined: the device's
 * driver cannot do it that way. Throws with the way to mend it.
 */
export function attachXdp(program: number, index: number, mode: number): number | undefined {
  const fd = call(LINK_CREATE, [
    [0, 4, program],
    [4, 4, index],
    [8, 4, ATTACH_XDP],
    [12, 4, mode],
  ]);
  if (fd >= 0) return fd;
  const name = libc.errnoName(libc.errno());
  if (mode === NATIVE && name !== 'EPERM' && name !== 'EBUSY') return undefined;
  return refuse('cannot attach an XDP program');
}

/** Runs a program on one packet (of a socket filter: with 14 bytes of Ethernet header); its result. */
export function runProgram(program: number, packet: Uint8Array): number {
  const done = call(PROGRAM_TEST_RUN, [
    [0, 4, program],
    [8, 4, packet.length],
    [16, 8, own(packet)],
    [32, 4, 1],
  ]);
  if (done < 0) refuse('cannot run a BPF program');
  return returned.getUint32(4, true);
}
