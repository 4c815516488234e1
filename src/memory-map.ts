import * as C from '../assembly/calls.ts';
import * as L from '../assembly/layout.ts';
import { prefixMask } from './config/address.ts';
import { writeService } from './service-rows.ts';
import type { ServicePlace } from './service-rows.ts';

/** A prefix of the agent's service addresses: 4 or 16 bytes, network order, and bits. */
export interface ServiceNetwork {
  network: Uint8Array;
  length: number;
}

export interface MemoryMapOptions {
  role: 'switch' | 'agent';
  /** default keyed */
  table?: 'keyed' | 'paper';
  /** entries in the pool */
  connections: number;
  workers: number;
  /** packet slots per worker, default 64 */
  slots?: number;
  /** bytes from one slot to the next, default SLOT_SIZE; smaller when the packets are */
  slotStride?: number;
  /** bytes of each worker's ring to control, a power of two, default 1 MiB */
  toControlBytes?: number;
  /** bytes of each worker's ring from control, a power of two, default 1 MiB */
  fromControlBytes?: number;
  /** bytes of each worker's place for the rings of its device, whole pages, default 0: it has none */
  deviceBytes?: number;
  /** of the table's hash; secret and different in each run */
  seeds: readonly [bigint, bigint];
  /** most connections in GATHERING, default a quarter of `connections` */
  halfOpenLimit?: number;
  /** most connections whose clients have only sent a SYN, default a tenth of `connections` */
  unprovenLimit?: number;
  /** deadline of a connection in GATHERING, default 20 s */
  gatherTimeoutMs?: number;
  /** a file is to be mapped from the table on, which then begins a page */
  isMapped?: boolean;
  /** of the switch, at most SERVICE_LIMIT */
  services?: readonly ServicePlace[];
  /** of the agent, at most one per address family */
  serviceNetworks?: readonly ServiceNetwork[];
  /** the networks are splice addresses: the agent's servers are other hosts */
  splices?: boolean;
}

/** A part of the memory; none overlaps another. */
export interface MemoryPart {
  name: string;
  base: number;
  size: number;
  align: number;
}

/** Where everything is; all addresses and sizes in bytes. */
export interface MemoryMap {
  options: MemoryMapOptions;
  bucketCount: number;
  entryCount: number;
  workerBase: number;
  serviceBase: number;
  leaseBase: number;
  bucketBase: number;
  entryBase: number;
  recordBase: number;
  /** per worker */
  toControlBases: number[];
  fromControlBases: number[];
  slotBases: number[];
  /** empty without deviceBytes */
  deviceBases: number[];
  slotCount: number;
  slotStride: number;
  toControlBytes: number;
  fromControlBytes: number;
  parts: MemoryPart[];
  byteLength: number;
}

const PAGE = 65536;
const KERNEL_PAGE = 4096; // what the kernel maps
const MEBIBYTE = 1 << 20;
/** what the core's memory import promises (asconfig.json), in pages */
const FEWEST_PAGES = 16;
const MOST_PAGES = 32768;
const SLOTS = 64;
const GATHER_TIMEOUT_MS = 20_000;

/** Computes sizes and places; throws when the parts do not fit or an option cannot be. */
export function memoryMap(options: MemoryMapOptions): MemoryMap {
  check(options);
  const { workers, connections } = options;
  const toControlBytes = options.toControlBytes ?? MEBIBYTE;
  const fromControlBytes = options.fromControlBytes ?? MEBIBYTE;
  const slotCount = options.slots ?? SLOTS;
  const slotStride = options.slotStride ?? L.SLOT_SIZE;
  const bucketCount = 2 ** Math.ceil(Math.log2(connections));
  const parts: MemoryPart[] = [
    { name: 'header', base: 0, size: L.HEADER_SIZE, align: L.CACHE_LINE },
    { name: 'control tuple', base: L.CONTROL_TUPLE, size: C.TUPLE_SIZE, align: 8 },
    { name: 'control template', base: L.CONTROL_TEMPLATE, size: L.TEMPLATE_SIZE, align: 64 },
    { name: 'control list', base: L.CONTROL_LIST, size: L.CONTROL_LIST_LIMIT * 4, align: 4 },
    { name: 'control head', base: L.CONTROL_HEAD, size: C.HEAD_SIZE, align: 8 },
    { name: 'control buffer', base: L.CONTROL_BUFFER, size: L.CONTROL_BUFFER_SIZE, align: 64 },
  ];
  let end = L.SERVICES_BASE;
  const place = (name: string, size: number, align = L.CACHE_LINE): number => {
    const base = Math.ceil(end / align) * align;
    parts.push({ name, base, size, align });
    end = base + size;
    return base;
  };
  const eachWorker = (name: string, size: number, align?: number): number[] =>
    Array.from({ length: workers }, (_, worker) => place(`${name} ${worker}`, size, align));
  const deviceBytes = options.deviceBytes ?? 0;

  const map: Omit<MemoryMap, 'byteLength'> = {
    options,
    bucketCount,
    entryCount: connections,
    toControlBytes,
    fromControlBytes,
    slotCount,
    slotStride,
    parts,
    serviceBase: place('services', L.SERVICE_LIMIT * L.SERVICE_SIZE),
    leaseBase: place('leases', L.LEASE_COUNT * L.LEASE_SIZE),
    workerBase: place('workers', workers * L.WORKER_SIZE),
    toControlBases: eachWorker('to control', toControlBytes),
    fromControlBases: eachWorker('from control', fromControlBytes),
    slotBases: eachWorker('slots', slotCount * slotStride),
    bucketBase: place('buckets', bucketCount * L.BUCKET_SIZE, options.isMapped ? PAGE : undefined),
    entryBase: place('entries', connections * L.ENTRY_SIZE, L.ENTRY_SIZE),
    recordBase: place('records', connections * L.RECORD_SIZE, L.RECORD_SIZE),
    deviceBases: deviceBytes > 0 ? eachWorker('device rings', deviceBytes, KERNEL_PAGE) : [],
  };
  if (end > MOST_PAGES * PAGE) {
    throw new Error(
      `memory map: ${connections} connections and ${workers} workers need ${end} bytes, ` +
        `at most ${MOST_PAGES * PAGE} are possible: ask for fewer connections, slots or workers`,
    );
  }
  return { ...map, byteLength: end };
}

/** A memory of the map's size. `shared`: for the builds with threads. */
export function createMemory(map: MemoryMap, shared = true): WebAssembly.Memory {
  const pages = Math.max(FEWEST_PAGES, Math.ceil(map.byteLength / PAGE));
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
}

/** Fills a zeroed memory: header, services, workers. The core's initialise() must follow, once. */
export function writeMemoryMap(memory: WebAssembly.Memory, map: MemoryMap): void {
  const view = new DataView(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  if (bytes.length < map.byteLength) {
    throw new Error(`memory map: needs ${map.byteLength} bytes, the memory has ${bytes.length}`);
  }
  writeHeader(view, map);
  map.options.services?.forEach((service, index) => {
    writeService(view, bytes, map.serviceBase + index * L.SERVICE_SIZE, service);
  });
  map.options.serviceNetworks?.forEach((network) => writeNetwork(bytes, network));
  for (let worker = 0; worker < map.options.workers; worker += 1) writeWorker(view, map, worker);
}

function check(options: MemoryMapOptions): void {
  const whole = (name: string, value: number, least: number, most: number): void => {
    if (Number.isInteger(value) && value >= least && value <= most) return;
    throw new Error(`memory map: ${name} is ${value}, not a whole number ${least}..${most}`);
  };
  whole('connections', options.connections, 1, 1 << 23);
  whole('workers', options.workers, 1, 250);
  whole('slots', options.slots ?? SLOTS, 1, 1 << 20);
  whole('services', options.services?.length ?? 0, 0, L.SERVICE_LIMIT);
  whole('halfOpenLimit', options.halfOpenLimit ?? 0, 0, 1 << 23);
  whole('unprovenLimit', options.unprovenLimit ?? 0, 0, 1 << 23);
  for (const name of ['toControlBytes', 'fromControlBytes'] as const) {
    const size = options[name] ?? MEBIBYTE;
    whole(name, size, 4096, 1 << 28);
    if ((size & (size - 1)) !== 0) throw new Error(`memory map: ${name} is not a power of two`);
  }
}

function writeHeader(view: DataView, map: MemoryMap): void {
  const { options } = map;
  const u32 = (field: number, value: number): void => view.setUint32(field, value, true);
  u32(L.HEADER_LAYOUT_VERSION, L.LAYOUT_VERSION);
  u32(L.HEADER_ROLE, options.role === 'agent' ? L.ROLE_AGENT : L.ROLE_SWITCH);
  u32(L.HEADER_TABLE_MODE, options.table === 'paper' ? L.TABLE_PAPER : L.TABLE_KEYED);
  u32(L.HEADER_BUCKET_COUNT, map.bucketCount);
  u32(L.HEADER_BUCKET_BASE, map.bucketBase);
  u32(L.HEADER_ENTRY_COUNT, map.entryCount);
  u32(L.HEADER_ENTRY_BASE, map.entryBase);
  u32(L.HEADER_RECORD_BASE, map.recordBase);
  u32(L.HEADER_WORKER_COUNT, options.workers);
  u32(L.HEADER_WORKER_BASE, map.workerBase);
  u32(L.HEADER_SERVICE_COUNT, options.services?.length ?? 0);
  u32(L.HEADER_SERVICE_BASE, map.serviceBase);
  u32(L.HEADER_LEASE_BASE, map.leaseBase);
  u32(L.HEADER_SPLICES, options.splices ? 1 : 0);
  u32(L.HEADER_NEXT_OWNER, options.workers); // writeWorker() gave the first ids away
  const quarter = Math.max(1, map.entryCount >>> 2);
  u32(L.HEADER_HALF_OPEN_LIMIT, options.halfOpenLimit ?? quarter);
  u32(L.HEADER_UNPROVEN_LIMIT, options.unprovenLimit ?? Math.floor(map.entryCount / 10));
  view.setBigUint64(L.HEADER_HASH_SEED, options.seeds[0], true);
  // a factor: an even one would lose bits
  view.setBigUint64(L.HEADER_HASH_SEED + 8, options.seeds[1] | 1n, true);
  const timeout = options.gatherTimeoutMs ?? GATHER_TIMEOUT_MS;
  view.setFloat64(L.HEADER_GATHER_TIMEOUT, timeout, true);
}

/** Network and mask; the network's host bits are cleared, as the core compares after masking. */
function writeNetwork(bytes: Uint8Array, prefix: ServiceNetwork): void {
  const six = prefix.network.length === 16;
  const place = six ? L.HEADER_SERVICE_NETWORK6 : L.HEADER_SERVICE_NETWORK4;
  const mask = six ? L.HEADER_SERVICE_MASK6 : L.HEADER_SERVICE_MASK4;
  prefixMask(prefix).forEach((byteMask, index) => {
    bytes[mask + index] = byteMask;
    bytes[place + index] = prefix.network[index]! & byteMask;
  });
}

function writeWorker(view: DataView, map: MemoryMap, worker: number): void {
  const at = map.workerBase + worker * L.WORKER_SIZE;
  const u32 = (field: number, value: number): void => view.setUint32(at + field, value, true);
  u32(L.WORKER_OWNER, worker + 1); // 0 would be nobody's lock; a later incarnation gets a fresh one
  u32(L.WORKER_SLOT_BASE, map.slotBases[worker] ?? 0);
  u32(L.WORKER_SLOT_COUNT, map.slotCount);
  u32(L.WORKER_SLOT_STRIDE, map.slotStride);
  u32(L.WORKER_TO_CONTROL_BASE, map.toControlBases[worker] ?? 0);
  u32(L.WORKER_TO_CONTROL_SIZE, map.toControlBytes);
  u32(L.WORKER_FROM_CONTROL_BASE, map.fromControlBases[worker] ?? 0);
  u32(L.WORKER_FROM_CONTROL_SIZE, map.fromControlBytes);
}
