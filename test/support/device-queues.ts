import * as L from '../../assembly/layout.ts';
import { deviceBytes, openDevice, queueDevice } from '../../src/packet-io/engine.ts';
import type { Engine, QueueDevice } from '../../src/packet-io/engine.ts';
import { RING_ALIGN } from '../../src/packet-io/packet-ring.ts';
import { EventfdWaker } from '../../src/packet-io/waker.ts';

export const SLOTS = 65536;
const PAGE = 65536;

/** An open device and a memory with room for 64 packets from SLOTS on. */
export interface OpenQueues {
  memory: WebAssembly.Memory;
  view: DataView;
  devices: QueueDevice[];
  /** another device for the first queue, as a replaced thread makes it */
  again: () => QueueDevice;
  waker: EventfdWaker;
  close: () => void;
}

/** As many queues, all driven by the calling thread. */
export function openQueues(engine: Engine, name: string, queues: number): OpenQueues {
  const ringsFrom = SLOTS + Math.ceil((64 * L.SLOT_SIZE) / RING_ALIGN) * RING_ALIGN;
  const bytes = deviceBytes(engine, queues);
  const pages = Math.ceil((ringsFrom + queues * bytes) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const places = Array.from({ length: queues }, (_, queue) => ringsFrom + queue * bytes);
  const view = new DataView(memory.buffer);
  for (const half of [0, 8])
    view.setBigUint64(L.HEADER_HASH_SEED + half, 0x9e3779b97f4a7c15n, true);
  const open = openDevice(engine, name, queues, memory, places);
  const waker = new EventfdWaker();
  const device = (queue: number): QueueDevice =>
    queueDevice(memory, open.fds[queue]!, open.rings[queue]!, waker.fd, open.ports?.[queue]);
  return {
    memory,
    view,
    devices: places.map((_, queue) => device(queue)),
    again: () => device(0),
    waker,
    close: () => {
      open.close();
      waker.close();
    },
  };
}
