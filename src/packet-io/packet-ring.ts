import { SLOT_SIZE, VNET_SIZE } from '../../assembly/layout.ts';
import * as libc from './libc.ts';
import { mapOver, unmap } from './mapping.ts';

// AF_PACKET rings of version 2 (packet(7), linux/if_packet.h), mapped into the shared memory. A frame has
// room for 64 KiB: with PACKET_VNET_HDR the kernel hands super-packets over as they are. Version 3, whose
// frames are as long as the packets, delivers late: it waits until a block is full or a millisecond over.
//
// One queue's place in the memory:
//   0        state: where this side stands in both rings, for the next thread if one dies
//   4096     receive ring, then transmit ring: RING_BYTES - 4096 of the kernel's pages

const PAGE = 4096;
const BLOCK_SIZE = 1 << 20;
const FRAME_SIZE = SLOT_SIZE; // an odd number of cache lines, too
const FRAMES_PER_BLOCK = Math.floor(BLOCK_SIZE / FRAME_SIZE);
const RECEIVE_BLOCKS = 18; // 270 frames
const TRANSMIT_BLOCKS = 5; // 75 frames: a batch and some
const MAPPED_BYTES = (RECEIVE_BLOCKS + TRANSMIT_BLOCKS) * BLOCK_SIZE;

export const STATE_RECEIVE = 0; // u32: frame that is received next
export const STATE_TRANSMIT = 64; // u32: frame that is filled next
/** What one queue needs in the shared memory, at a multiple of RING_ALIGN. */
export const RING_BYTES = PAGE + MAPPED_BYTES;
export const RING_ALIGN = PAGE;

// struct tpacket2_hdr
export const FRAME_STATUS = 0; // u32, atomic
export const FRAME_LENGTH = 4; // u32: bytes from the virtio_net_hdr (transmit) or the MAC header on
export const FRAME_KEPT = 8; // u32: of these, those that the frame had room for
export const FRAME_MAC = 12; // u16: offset of the MAC header
export const FRAME_NETWORK = 14; // u16: offset of the IP header
export const FRAME_DATA = 32; // where transmit frames begin: virtio_net_hdr, MAC header, packet
export const STATUS_USER = 1; // receive: the frame is ours; 0 gives it back
export const STATUS_SEND = 1; // transmit: the frame is the kernel's; 0 = it was sent

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const PACKET_VERSION = 10;
const PACKET_RESERVE = 12;
const PACKET_TX_RING = 13;
const PACKET_LOSS = 14;
const PACKET_VNET_HDR = 15;
const PACKET_FANOUT = 18;
const PACKET_IGNORE_OUTGOING = 23;
const FANOUT_HASH = 0;
const FANOUT_IGNORE_OUTGOING = 0x4000;
const TPACKET_V2 = 1;
/** puts the IP header at a multiple of 8, or V8 would copy it byte by byte */
const RESERVE = 16 - VNET_SIZE;
const SEND_BUFFER = 16 << 20; // more than the transmit ring holds
const SOCKADDR_LL_SIZE = 20;

const MENDS: Record<string, string> = {
  EPERM: 'CAP_NET_RAW is missing: run as root, or give the container --cap-add NET_RAW',
  EAFNOSUPPORT: 'the kernel has no packet sockets: modprobe af_packet',
  ENOMEM: 'too little memory for the rings: fewer workers need less',
};

function refuse(what: string): never {
  throw new Error(libc.refusal(what, MENDS));
}

function words(...values: number[]): Uint8Array {
  const bytes = libc.bytesOfItsOwn(values.length * 4);
  new Uint32Array(bytes.buffer).set(values);
  return bytes;
}

function set(fd: number, option: number, ...values: number[]): void {
  if (libc.setsockopt(fd, SOL_PACKET, option, words(...values), values.length * 4) === 0) return;
  refuse(`cannot set up a packet ring (option ${option})`);
}

/** `index`: of the device. Packets come from then on. */
function bindTo(fd: number, index: number): void {
  const address = libc.bytesOfItsOwn(SOCKADDR_LL_SIZE);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL);
  view.setInt32(4, index, true);
  if (libc.bind(fd, address, SOCKADDR_LL_SIZE) < 0) refuse('cannot bind a packet socket');
}

/** A packet socket without rings: its frames are read and written, `index` is the device's. */
export function openFrames(index: number): number {
  const fd = openSocket();
  try {
    set(fd, PACKET_IGNORE_OUTGOING, 1);
    bindTo(fd, index);
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

function openSocket(): number {
  const fd = libc.socket(AF_PACKET, SOCK_RAW | libc.O_NONBLOCK | libc.O_CLOEXEC, 0);
  if (fd < 0) refuse('cannot open a packet socket');
  return fd;
}

/** Opens one queue and maps its rings to `address`, which this process must own. */
function openQueue(index: number, address: number, isOneOfMany: boolean): number {
  const fd = openSocket();
  try {
    const ring = (blocks: number) => [BLOCK_SIZE, blocks, FRAME_SIZE, blocks * FRAMES_PER_BLOCK];
    set(fd, PACKET_VERSION, TPACKET_V2);
    set(fd, PACKET_VNET_HDR, 1);
    set(fd, PACKET_RESERVE, RESERVE);
    set(fd, PACKET_LOSS, 1); // a frame that the kernel refuses must not stop those behind it
    set(fd, PACKET_IGNORE_OUTGOING, 1);
    set(fd, PACKET_RX_RING, ...ring(RECEIVE_BLOCKS));
    set(fd, PACKET_TX_RING, ...ring(TRANSMIT_BLOCKS));
    // what it refuses is sent later: no reason to fail
    libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, words(SEND_BUFFER), 4);
    const why = mapOver(address, MAPPED_BYTES, { fd });
    if (why !== undefined) throw new Error(`cannot map a packet ring: ${why}`);
    bindTo(fd, index);
    // a connection's packets all come to one worker; the group's number needs to be this device's alone
    const group = (index & 0xffff) | ((FANOUT_HASH | FANOUT_IGNORE_OUTGOING) << 16);
    if (isOneOfMany) set(fd, PACKET_FANOUT, group);
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Packet sockets of one device, a ring pair each. */
export interface PacketQueues {
  fds: number[];
  /** Ends them; no thread may use the rings any more. */
  close: () => void;
}

/**
 * Opens a queue on the device for each of `bases`: addresses in the memory (RING_ALIGN) with RING_BYTES
 * there that are nobody else's. Throws with the way to mend it.
 */
export function openPacketQueues(
  device: string,
  memory: WebAssembly.Memory,
  bases: readonly number[],
): PacketQueues {
  const index = libc.interfaceIndex(device);
  if (index === 0) throw new Error(`there is no device ${device}`);
  const start = libc.addressOf(new Uint8Array(memory.buffer));
  const fds: number[] = [];
  const close = (): void => {
    for (const [queue, fd] of fds.entries()) {
      libc.close(fd);
      // the mapping would keep the socket open
      unmap(start + (bases[queue] ?? 0) + PAGE, MAPPED_BYTES);
    }
    fds.length = 0;
  };
  try {
    for (const base of bases) {
      if (base % RING_ALIGN !== 0) throw new Error(`packet ring at ${base}: no page begins there`);
      fds.push(openQueue(index, start + base + PAGE, bases.length > 1));
    }
  } catch (error) {
    close();
    throw error;
  }
  return { fds, close };
}

function framesFrom(first: number, blocks: number): Uint32Array {
  return Uint32Array.from({ length: blocks * FRAMES_PER_BLOCK }, (_, index) => {
    const block = Math.floor(index / FRAMES_PER_BLOCK);
    return first + block * BLOCK_SIZE + (index % FRAMES_PER_BLOCK) * FRAME_SIZE;
  });
}

/** Addresses of all frames of the rings at `base`, in the kernel's order. */
export function ringFrames(base: number): { receive: Uint32Array; transmit: Uint32Array } {
  const second = base + PAGE + RECEIVE_BLOCKS * BLOCK_SIZE;
  return {
    receive: framesFrom(base + PAGE, RECEIVE_BLOCKS),
    transmit: framesFrom(second, TRANSMIT_BLOCKS),
  };
}
