import type { EngineChoice } from '../config/choices.ts';
import { PacketDevice } from './packet.ts';
import { openPacketQueues } from './packet-ring.ts';
import { closeQueues, openTun, TunDevice, tunRefusal } from './tun.ts';
import { makeVeth } from './veth.ts';

/** How packets come and go: `tun` where /dev/net/tun can be opened, `packet` everywhere else. */
export type Engine = 'tun' | 'packet';

/** The one that `auto` means on this machine, for this user. */
export function chooseEngine(choice: EngineChoice): Engine {
  if (choice !== 'auto') return choice;
  return tunRefusal() === undefined ? 'tun' : 'packet';
}

/** A device with a queue for each worker. */
export interface OpenDevice {
  fds: number[];
  /** by worker: where its rings are; 0 = it has none */
  rings: number[];
  /** Ends it; no thread may use it any more. */
  close: () => void;
}

/**
 * Opens the device of that name, which the kernel can route into from then on. `rings`: a place of
 * RING_BYTES in the memory for each worker, which the engine `packet` needs. `persistent`: a TUN stays
 * when its process ends, with its addresses and routes. Throws with the way to mend it.
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
    return { fds, rings: fds.map(() => 0), close: () => closeQueues(fds) };
  }
  if (rings.length !== workers) throw new Error(`${rings.length} rings for ${workers} workers`);
  const veth = makeVeth(name);
  try {
    const { fds, close } = openPacketQueues(veth.inner, memory, rings);
    return {
      fds,
      rings: [...rings],
      close: () => {
        close();
        veth.close();
      },
    };
  } catch (error) {
    veth.close();
    throw error;
  }
}

export type QueueDevice = TunDevice | PacketDevice;

/** A worker's queue of an open device, by the numbers that can be passed to its thread. */
export function queueDevice(
  memory: WebAssembly.Memory,
  fd: number,
  ring: number,
  wakeFd: number,
): QueueDevice {
  return ring === 0
    ? new TunDevice(memory, fd, wakeFd)
    : new PacketDevice(memory, fd, ring, wakeFd);
}
