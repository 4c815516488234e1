// The rows of the shared memory's service table: VIPs and ports of the switch.
import * as L from '../assembly/layout.ts';

/** A VIP and port of the switch. */
export interface ServicePlace {
  /** 4 or 16 bytes, network order: where its packets arrive */
  address: Uint8Array;
  /** what its clients see, default `address`; another one behind a switch in front */
  vip?: Uint8Array;
  port: number;
  /** what the SYN-ACK offers at most, default 1460 (1440 over IPv6) */
  mss?: number;
  /** what the SYN-ACK offers, default 7 */
  windowScale?: number;
  /** of the SYN-ACK in bytes, unscaled, default 64240 */
  window?: number;
  /** what of a client its server is chosen by, default its request */
  dispatch?: Dispatch;
}

type Dispatch = 'request' | 'ack' | 'syn';

const DISPATCH: Record<Dispatch, number> = {
  request: L.DISPATCH_REQUEST,
  ack: L.DISPATCH_ACK,
  syn: L.DISPATCH_SYN,
};

/** of Ethernet, bytes */
export const MTU = 1500;
const HEADERS4 = 40; // of IP and TCP, without options
const HEADERS6 = 60;
const WINDOW_SCALE = 7;
const WINDOW = 64240; // 44 segments of 1460 bytes, as Linux offers

/** The MSS that leaves room for the headers (RFC 9293 section 3.7.1). */
export function segmentSize(mtu: number, address: Uint8Array): number {
  return mtu - (address.length === 16 ? HEADERS6 : HEADERS4);
}

/**
 * Other services in a memory at work. Each keeps its row as long as it is there; a row that becomes
 * free matches nothing, and is used again. Throws when there are more than rows.
 */
export function rewriteServices(
  memory: WebAssembly.Memory,
  services: readonly ServicePlace[],
): void {
  if (services.length > L.SERVICE_LIMIT) {
    throw new Error(`memory map: ${services.length} services, at most ${L.SERVICE_LIMIT}`);
  }
  const view = new DataView(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  const base = view.getUint32(L.HEADER_SERVICE_BASE, true);
  const count = view.getUint32(L.HEADER_SERVICE_COUNT, true);
  const at = (row: number): number => base + row * L.SERVICE_SIZE;
  const left = [...services];
  for (let row = 0; row < count; row += 1) {
    const index = left.findIndex((service) => isService(view, bytes, at(row), service));
    if (index < 0) view.setUint8(at(row) + L.SERVICE_FAMILY, 0);
    else writeService(view, bytes, at(row), left.splice(index, 1)[0]!);
  }
  let row = 0;
  for (const service of left) {
    while (row < count && view.getUint8(at(row) + L.SERVICE_FAMILY) !== 0) row += 1;
    writeService(view, bytes, at(row), service);
    row += 1;
  }
  // workers look at as many rows as this says: last, and ordered after the rows
  const words = new Int32Array(memory.buffer);
  Atomics.store(words, L.HEADER_SERVICE_COUNT >>> 2, Math.max(count, row));
}

function isService(view: DataView, bytes: Uint8Array, at: number, service: ServicePlace): boolean {
  const { address, port } = service;
  if (view.getUint16(at + L.SERVICE_PORT) !== port) return false;
  if (view.getUint8(at + L.SERVICE_FAMILY) !== (address.length === 16 ? 6 : 4)) return false;
  return address.every((byte, index) => bytes[at + L.SERVICE_ADDRESS + index] === byte);
}

export function writeService(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  service: ServicePlace,
): void {
  const six = service.address.length === 16;
  bytes.set(service.address, at + L.SERVICE_ADDRESS);
  bytes.set(service.vip ?? service.address, at + L.SERVICE_VIP);
  view.setUint16(at + L.SERVICE_PORT, service.port);
  view.setUint8(at + L.SERVICE_WINDOW_SCALE, service.windowScale ?? WINDOW_SCALE);
  view.setUint16(at + L.SERVICE_MSS, service.mss ?? segmentSize(MTU, service.address), true);
  view.setUint16(at + L.SERVICE_WINDOW, service.window ?? WINDOW, true);
  view.setUint8(at + L.SERVICE_DISPATCH, DISPATCH[service.dispatch ?? 'request']);
  // last: without a family nobody takes the row for a service
  view.setUint8(at + L.SERVICE_FAMILY, six ? 6 : 4);
}
