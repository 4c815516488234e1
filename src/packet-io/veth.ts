import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import * as libc from './libc.ts';
import { freshNamespace, within } from './network-namespace.ts';

// Where no TUN can be opened: a veth pair. The kernel routes packets into the outer end, which bears the
// device's name; they come out at the inner one, which the engine holds, and the other way round.
//
// The inner end is in a network namespace without a name, which only this process holds: the pair ends with
// the process, however that ends, as a TUN does, and who watches the device sees it. Where the process may
// make none, both ends are in the same one, and the pair stays behind when the process is killed.
//
// No neighbour is ever asked for: on a device without ARP the kernel takes the device's own address for
// everybody's. So what comes out at the inner end is addressed to another station, and the kernel, which
// sees it there, too, leaves it alone.

const NAME_LIMIT = 15;
const SUFFIX = '-io';
const MTU = 65535;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;

/** Locally administered addresses; both ends are on no other network. */
export const OUTER_MAC = Uint8Array.of(0x02, 0x62, 0x61, 0x74, 0x6f, 0x01);
export const INNER_MAC = Uint8Array.of(0x02, 0x62, 0x61, 0x74, 0x6f, 0x02);

const MENDS: [said: RegExp, mend: string][] = [
  [/not permitted/, 'CAP_NET_ADMIN is missing: run as root'],
  [/File exists/, 'a device of that name exists: choose another device name'],
  [/[Uu]nknown device type|not supported/, 'the kernel has no veth devices: modprobe veth'],
];

function ip(words: string): string {
  const { status, stderr, error } = spawnSync('ip', words.split(' '), { encoding: 'utf8' });
  if (error) throw new Error('cannot run `ip`: install the package iproute2', { cause: error });
  return status === 0 ? '' : stderr.trim();
}

/** Runs `ip` for the sake of a device. Throws with what it said and the way to mend it. */
export function mustIp(device: string, words: string): void {
  const said = ip(words);
  if (said === '') return;
  const mend = MENDS.find(([pattern]) => pattern.test(said))?.[1];
  throw new Error(`cannot make the device ${device}: ${said}${mend ? ` (${mend})` : ''}`);
}

function macText(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Name of the end that the engine holds. */
export function innerEnd(device: string): string {
  return `${device.slice(0, NAME_LIMIT - SUFFIX.length)}${SUFFIX}`;
}

/** A name that one process of a network namespace can have, and that ends with it; the descriptor. */
function claim(device: string): number {
  const name = new TextEncoder().encode(`baton device ${device}`);
  const address = libc.bytesOfItsOwn(2 + 1 + name.length);
  address[0] = AF_UNIX;
  address.set(name, 3); // behind a zero byte: an abstract name
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | libc.O_CLOEXEC, 0);
  if (fd >= 0 && libc.bind(fd, address, address.length) === 0) return fd;
  const code = libc.errnoName(libc.errno());
  if (fd >= 0) libc.close(fd);
  const mend = 'another process has the device: stop that one, or choose another device name';
  throw new Error(`cannot make the device ${device}: ${code} (${mend})`);
}

/** Up, and so that it speaks to nobody by itself: without an address, asking for no neighbour. */
export function raiseEnd(device: string, end: string): void {
  mustIp(device, `link set ${end} addrgenmode none`);
  mustIp(device, `link set ${end} arp off up`);
}

export interface VethPair {
  /** name of the end that the engine holds */
  inner: string;
  /** Runs `body`, which must not wait, where the inner end is. */
  within: <Result>(body: () => Result) => Result;
  /** Removes the pair. */
  close: () => void;
}

/** What a process that was killed left, or what the kernel has not removed yet. */
function removeFormer(device: string): void {
  ip(`link delete ${innerEnd(device)} type veth`);
  const there = spawnSync('ip', ['-o', 'link', 'show', 'dev', device], { encoding: 'utf8' });
  if (there.stdout?.includes(`link/ether ${macText(OUTER_MAC)}`)) ip(`link delete ${device}`);
}

/**
 * Makes the pair, both ends up. What an earlier process left under these names is replaced. `mtu`: of the
 * inner end; the outer one's decides while it is smaller. Throws with the way to mend it.
 */
export function makeVeth(device: string, mtu = MTU): VethPair {
  if (device.length === 0 || device.length > NAME_LIMIT) {
    throw new Error(`device name "${device}": 1 to ${NAME_LIMIT} characters are possible`);
  }
  const inner = innerEnd(device);
  const claimed = claim(device);
  const namespace = freshNamespace();
  const enter = <Result>(body: () => Result): Result =>
    namespace === undefined ? body() : within(namespace, body);
  const letGo = (): void => {
    libc.close(claimed);
    if (namespace !== undefined) closeSync(namespace);
  };
  try {
    removeFormer(device);
    const place = namespace === undefined ? '' : ` netns /proc/${process.pid}/fd/${namespace}`;
    const peer = `peer name ${inner} address ${macText(INNER_MAC)} mtu ${mtu}${place}`;
    mustIp(device, `link add ${device} address ${macText(OUTER_MAC)} type veth ${peer}`);
  } catch (error) {
    letGo();
    throw error;
  }
  const close = (): void => {
    ip(`link delete ${device}`);
    letGo();
  };
  try {
    enter(() => raiseEnd(device, inner));
    raiseEnd(device, device);
  } catch (error) {
    close();
    throw error;
  }
  return { inner, within: enter, close };
}
