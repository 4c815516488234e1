import type { EngineChoice } from '../config/choices.ts';
import { steeringFilter, steeringOf } from './bpf/steering.ts';
import { offloadNothing } from './ethernet.ts';
import { PacketDevice } from './packet.ts';
import { RING_BYTES, openPacketQueues } from './packet-ring.ts';
import { closeQueues, openTun, steerQueues, TunDevice, tunRefusal } from './tun.ts';
import { makeVeth, type VethPair } from './veth.ts';
import { XdpDevice } from './xdp/device.ts';
import { openPort, type PortQueue } from './xdp/open.ts';
import { FRAME_SIZE, portPlace } from './xdp/place.ts';

/** How packets come and go: `tun` where /dev/net/tun can be opened, `packet` everywhere else. */
export type Engine = 'tun' | 'packet' | 'xdp';

/** The one that `auto` means on this machine, for this user. */
export function chooseEngine(choice: EngineChoice): Engine {
  if (choice !== 'auto') return choice;
  return tunRefusal() === undefined ? 'tun' : 'packet';
}

/** the most that the kernel lets the outer end have: a frame and what belongs to it take one page */
const XDP_MTU = 3506;

/** Bytes in the memory that an engine needs for each worker, whole kernel pages, one behind the other. */
export function deviceBytes(engine: Engine, workers: number): number {
  if (engine === 'tun') return 0;
  if (engine === 'packet') return RING_BYTES;
  const each = portPlace(0, workers, 1).byteLength / workers;
  return Math.ceil(each / FRAME_SIZE) * FRAME_SIZE;
}

/** A device with a queue for each worker. */
export interface OpenDevice {
  fds: number[];
  /** by worker: where its rings are; 0 = it has none */
  rings: number[];
  /** by worker, of the engine `xdp` */
  ports?: PortQueue[];
  /** Ends it; no thread may use it any more. */
  close: () => void;
}

/**
 * Opens the device of that name, which the kernel can route into from then on. `rings`: a place of
 * deviceBytes() in the memory for each worker. `persistent`: a TUN stays when its process ends, with its
 * addresses and routes. Throws with the way to mend it.
 */
export function openDevice(
  engine: Engine,
  name: string,
  workers: number,
  memory: WebAssembly.Memory,
  rings: readonly number[],
  persistent = false,
): OpenDevice {
  if (engine === 'tun') {
    const fds = openTun(name, workers, persistent);
    if (workers > 1) steerQueues(fds[0]!, steeringFilter(steeringOf(memory, workers)));
    return { fds, rings: fds.map(() => 0), close: () => closeQueues(fds) };
  }
  if (rings.length !== workers) throw new Error(`${rings.length} rings for ${workers} workers`);
  const veth = engine === 'packet' ? makeVeth(name) : makeVeth(name, XDP_MTU);
  try {
    const open =
      engine === 'packet'
        ? { ...veth.within(() => openPacketQueues(veth.inner, memory, rings)), rings: [...rings] }
        : openXdp(name, veth, memory, rings);
    return {
      ...open,
      close: () => {
        open.close();
        veth.close();
      },
    };
  } catch (error) {
    veth.close();
    throw error;
  }
}

/** The kernel's own checksums and segments would come out of the pair unfinished. */
function openXdp(
  device: string,
  { inner, within }: VethPair,
  memory: WebAssembly.Memory,
  rings: readonly number[],
): OpenDevice {
  offloadNothing(device);
  const workers = rings.length;
  const place = portPlace(rings[0] ?? 0, workers, 1);
  const steering = steeringOf(memory, workers);
  const port = { device: inner, memory, place, steering };
  const { queues, close } = within(() => openPort(port));
  return { fds: queues.map(({ fds }) => fds[0]!), rings: [...rings], ports: queues, close };
}

export type QueueDevice = TunDevice | PacketDevice | XdpDevice;

/** A worker's queue of an open device, by what can be passed to its thread. */
export function queueDevice(
  memory: WebAssembly.Memory,
  fd: number,
  ring: number,
  wakeFd: number,
  port?: PortQueue,
): QueueDevice {
  if (port) return new XdpDevice(memory, port, wakeFd);
  return ring === 0
    ? new TunDevice(memory, fd, wakeFd)
    : new PacketDevice(memory, fd, ring, wakeFd);
}
