// bpf(2) without a library: programs, maps and links are file descriptors, and all of it ends with them.
import * as libc from '../libc.ts';

const BPF_CALL: Record<string, number> = { x64: 321, arm64: 280, riscv64: 280, loong64: 280 };
const PROGRAM_LOAD = 5;
const PROGRAM_TEST_RUN = 10;

export const SOCKET_FILTER = 1;
export const XDP = 6;

const ATTRIBUTES_SIZE = 128;
const LOG_SIZE = 65536;
const LOG_SHOWN = 400;

const MENDS: Record<string, string> = {
  EPERM:
    'CAP_BPF or CAP_NET_ADMIN is missing: run as root, or give the container ' +
    '--cap-add BPF --cap-add NET_ADMIN',
  ENOSYS: 'the kernel has no bpf(2): it needs CONFIG_BPF_SYSCALL',
  ENOMEM: 'too little memory may be locked: ulimit -l unlimited, or give CAP_IPC_LOCK',
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
  const name = libc.errnoName(libc.errno());
  throw new Error(`${what}: ${name}${MENDS[name] ? ` (${MENDS[name]})` : ''}${added}`);
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
