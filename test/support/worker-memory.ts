import * as L from '../../assembly/layout.ts';
import type { PacketEvent } from '../../src/event.ts';

export interface WorkerMemory {
  memory: WebAssembly.Memory;
  view: DataView;
  /** address of each worker's record */
  records: number[];
}

const RECORDS_BASE = L.SERVICES_BASE + L.SERVICE_LIMIT * L.SERVICE_SIZE;
const CONNECTIONS = 16;

/** A shared memory with worker records, rings and slots, and a few records of connections; no table. */
export function workerMemory(workers: number, ringSize: number, slots = 8): WorkerMemory {
  const each = L.WORKER_SIZE + 2 * ringSize + slots * L.SLOT_SIZE;
  const connections = RECORDS_BASE + workers * (L.WORKER_SIZE + each);
  const pages = Math.ceil((connections + CONNECTIONS * L.RECORD_SIZE) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const view = new DataView(memory.buffer);
  const put = (address: number, value: number): void => view.setUint32(address, value, true);
  put(L.HEADER_WORKER_COUNT, workers);
  put(L.HEADER_WORKER_BASE, RECORDS_BASE);
  put(L.HEADER_ENTRY_COUNT, CONNECTIONS);
  put(L.HEADER_RECORD_BASE, connections);
  let at = RECORDS_BASE + workers * L.WORKER_SIZE;
  const records: number[] = [];
  for (let worker = 0; worker < workers; worker += 1) {
    const record = RECORDS_BASE + worker * L.WORKER_SIZE;
    records.push(record);
    put(record + L.WORKER_OWNER, worker + 1);
    put(record + L.WORKER_TO_CONTROL_BASE, at);
    put(record + L.WORKER_TO_CONTROL_SIZE, ringSize);
    put(record + L.WORKER_FROM_CONTROL_BASE, at + ringSize);
    put(record + L.WORKER_FROM_CONTROL_SIZE, ringSize);
    put(record + L.WORKER_SLOT_BASE, at + 2 * ringSize);
    put(record + L.WORKER_SLOT_COUNT, slots);
    put(record + L.WORKER_SLOT_STRIDE, L.SLOT_SIZE);
    at += 2 * ringSize + slots * L.SLOT_SIZE;
  }
  return { memory, view, records };
}

/** Counter of a worker by its COUNTER_*. */
export function counterOf({ view, records }: WorkerMemory, worker: number, index: number): number {
  return Number(view.getBigUint64((records[worker] ?? 0) + L.WORKER_COUNTERS + index * 8, true));
}

type Queued = Pick<PacketEvent, 'queue' | 'packet'> & Partial<PacketEvent>;

/** Queues a record as the core does it; no doorbell, and no care for the ring's end. */
export function queueForControl(shared: WorkerMemory, worker: number, event: Queued): void {
  const { view, records } = shared;
  const record = records[worker] ?? 0;
  const tail = view.getUint32(record + L.WORKER_TO_CONTROL_TAIL, true);
  const at = view.getUint32(record + L.WORKER_TO_CONTROL_BASE, true) + tail;
  const length = (L.RING_PACKET + event.packet.length + 7) & ~7;
  const fields: [number, number][] = [
    [L.RING_LENGTH, length],
    [L.RING_KIND, event.queue],
    [L.RING_ENTRY, event.entry ?? L.NO_ENTRY],
    [L.RING_WORKER, worker],
    [L.RING_ID_RUN, event.idRun ?? 0],
    [L.RING_ID_COUNTER, event.idCounter ?? 0],
    [L.RING_PACKET_LENGTH, event.packet.length],
    [L.RING_OPTIONS, event.options ?? 0],
    [L.RING_ORDER, view.getUint32(L.HEADER_QUEUE_ORDER, true)],
  ];
  view.setUint32(L.HEADER_QUEUE_ORDER, view.getUint32(L.HEADER_QUEUE_ORDER, true) + 1, true);
  for (const [field, value] of fields) view.setUint32(at + field, value, true);
  const bytes = new Uint8Array(view.buffer);
  if (event.vnet) bytes.set(event.vnet, at + L.RING_VNET);
  bytes.set(event.packet, at + L.RING_PACKET);
  view.setUint32(record + L.WORKER_TO_CONTROL_TAIL, tail + length, true);
}
