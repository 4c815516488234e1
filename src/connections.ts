import * as C from '../assembly/calls.ts';
import * as L from '../assembly/layout.ts';
import type { Address, HandoffId } from './channel/messages.ts';
import { Template } from './template.ts';
import type { LocalTuple } from './tuple.ts';

const STATE_NAMES: Record<number, string> = {
  [L.STATE_FREE]: 'free',
  [L.STATE_RESERVED]: 'reserved',
  [L.STATE_GATHERING]: 'gathering',
  [L.STATE_HELD]: 'held',
  [L.STATE_REPLAYING]: 'replaying',
  [L.STATE_DRAINING]: 'draining',
  [L.STATE_FORWARD]: 'forward',
  [L.STATE_RELEASING]: 'releasing',
  [L.STATE_CLOSED]: 'closed',
  [L.STATE_UNPROVEN]: 'unproven',
  [L.STATE_REQUESTS]: 'requests',
  [L.STATE_PASSED]: 'passed',
};

/** The name of STATE_*, in lower case. */
export function stateName(state: number): string {
  return STATE_NAMES[state] ?? `state ${state}`;
}

/**
 * Control's view of the connections in the shared memory: entries and records by index, and the
 * working space (CONTROL_*) through which arguments go into the core. Reads take no lock: a field
 * may change under the reader; what must hold at the moment of writing is checked by the core's
 * update(), which compares the handoff id under the lock.
 *
 * `field` arguments are ENTRY_* and RECORD_* of layout.ts; results are host numbers, unsigned.
 */
export class Connections {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly entryCount: number;
  private readonly entryBase: number;
  private readonly recordBase: number;

  /** The memory map must have been written before. */
  constructor(buffer: ArrayBufferLike) {
    this.view = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
    this.entryCount = this.view.getUint32(L.HEADER_ENTRY_COUNT, true);
    this.entryBase = this.view.getUint32(L.HEADER_ENTRY_BASE, true);
    this.recordBase = this.view.getUint32(L.HEADER_RECORD_BASE, true);
  }

  /** An index that names an entry: not NO_ENTRY, not the core's "exists already" or "busy". */
  isIndex(entry: number): boolean {
    return entry >= 0 && entry < this.entryCount;
  }

  entryAddress(entry: number): number {
    return this.entryBase + entry * L.ENTRY_SIZE;
  }

  recordAddress(entry: number): number {
    return this.recordBase + entry * L.RECORD_SIZE;
  }

  /** STATE_* without the owner of a reserved entry. */
  state(entry: number): number {
    return this.view.getUint32(this.entryAddress(entry) + L.ENTRY_STATE, true) & 0xff;
  }

  flags(entry: number): number {
    return this.view.getUint32(this.entryAddress(entry) + L.ENTRY_FLAGS, true);
  }

  worker(entry: number): number {
    return this.view.getUint8(this.entryAddress(entry) + L.ENTRY_WORKER);
  }

  entry8(entry: number, field: number): number {
    return this.view.getUint8(this.entryAddress(entry) + field);
  }

  entry32(entry: number, field: number): number {
    return this.view.getUint32(this.entryAddress(entry) + field, true);
  }

  /** Ports of an entry (ENTRY_*_PORT), which lie in network order. */
  entryPort(entry: number, field: number): number {
    return this.view.getUint16(this.entryAddress(entry) + field);
  }

  /** A copy of an address: the 4-byte field of an IPv4 entry, the 16-byte field of an IPv6 one. */
  entryAddressOf(entry: number, field4: number, field6: number): Address {
    const six = (this.flags(entry) & L.FLAG_IPV6) !== 0;
    const at = this.entryAddress(entry) + (six ? field6 : field4);
    return this.bytes.slice(at, at + (six ? 16 : 4));
  }

  record8(entry: number, field: number): number {
    return this.view.getUint8(this.recordAddress(entry) + field);
  }

  record16(entry: number, field: number): number {
    return this.view.getUint16(this.recordAddress(entry) + field, true);
  }

  record32(entry: number, field: number): number {
    return this.view.getUint32(this.recordAddress(entry) + field, true);
  }

  recordMs(entry: number, field: number): number {
    return this.view.getFloat64(this.recordAddress(entry) + field, true);
  }

  id(entry: number): HandoffId {
    return {
      run: this.record32(entry, L.RECORD_ID_RUN),
      counter: this.record32(entry, L.RECORD_ID_COUNTER),
    };
  }

  hasId(entry: number, id: HandoffId): boolean {
    return (
      this.record32(entry, L.RECORD_ID_RUN) === id.run &&
      this.record32(entry, L.RECORD_ID_COUNTER) === id.counter
    );
  }

  client(entry: number): Address {
    return this.entryAddressOf(entry, L.ENTRY_CLIENT_ADDRESS4, L.ENTRY_CLIENT_ADDRESS6);
  }

  clientPort(entry: number): number {
    return this.entryPort(entry, L.ENTRY_CLIENT_PORT);
  }

  local(entry: number): Address {
    return this.entryAddressOf(entry, L.ENTRY_LOCAL_ADDRESS4, L.ENTRY_LOCAL_ADDRESS6);
  }

  localPort(entry: number): number {
    return this.entryPort(entry, L.ENTRY_LOCAL_PORT);
  }

  server(entry: number): Address {
    return this.entryAddressOf(entry, L.ENTRY_SERVER_ADDRESS4, L.ENTRY_SERVER_ADDRESS6);
  }

  serverPort(entry: number): number {
    return this.entryPort(entry, L.ENTRY_SERVER_PORT);
  }

  vip(entry: number): Address {
    return this.entryAddressOf(entry, L.ENTRY_VIP_ADDRESS4, L.ENTRY_VIP_ADDRESS6);
  }

  vipPort(entry: number): number {
    return this.entryPort(entry, L.ENTRY_VIP_PORT);
  }

  key(entry: number): LocalTuple {
    return {
      client: this.client(entry),
      clientPort: this.clientPort(entry),
      local: this.local(entry),
      localPort: this.localPort(entry),
    };
  }

  /** Writes CONTROL_TUPLE, for core.lookup(CONTROL_TUPLE), cookieMake ... */
  writeTuple(key: LocalTuple): void {
    const at = L.CONTROL_TUPLE;
    this.bytes.fill(0, at, at + C.TUPLE_SIZE);
    this.bytes.set(key.client, at + C.TUPLE_CLIENT_ADDRESS);
    this.bytes.set(key.local, at + C.TUPLE_LOCAL_ADDRESS);
    this.view.setUint16(at + C.TUPLE_CLIENT_PORT, key.clientPort);
    this.view.setUint16(at + C.TUPLE_LOCAL_PORT, key.localPort);
    this.bytes[at + C.TUPLE_FAMILY] = key.client.length === 16 ? 6 : 4;
  }

  /** Copies bytes to CONTROL_BUFFER; false when they are too many. */
  writeBuffer(bytes: Uint8Array): boolean {
    if (bytes.length > L.CONTROL_BUFFER_SIZE) return false;
    this.bytes.set(bytes, L.CONTROL_BUFFER);
    return true;
  }

  /** The list that core.sweep(..., CONTROL_LIST, ...) wrote. */
  list(count: number): number[] {
    const entries: number[] = [];
    for (let index = 0; index < count; index += 1) {
      entries.push(this.view.getUint32(L.CONTROL_LIST + index * 4, true));
    }
    return entries;
  }

  /** An empty template at CONTROL_TEMPLATE, for core.insert and update; one exists at a time. */
  template(): Template {
    this.bytes.fill(0, L.CONTROL_TEMPLATE, L.CONTROL_TEMPLATE + L.TEMPLATE_SIZE);
    return new Template(this.view, this.bytes);
  }

  /** A template filled with images of an entry and its record (ENTRY_SIZE and RECORD_SIZE bytes). */
  templateFrom(entry: Uint8Array, record: Uint8Array): Template {
    this.bytes.set(entry, L.CONTROL_TEMPLATE);
    this.bytes.set(record, L.CONTROL_TEMPLATE + L.TEMPLATE_RECORD);
    return new Template(this.view, this.bytes);
  }

  /** A template filled with an entry's present contents. */
  templateOf(entry: number): Template {
    const from = this.entryAddress(entry);
    this.bytes.copyWithin(L.CONTROL_TEMPLATE, from, from + L.ENTRY_SIZE);
    const record = this.recordAddress(entry);
    const to = L.CONTROL_TEMPLATE + L.TEMPLATE_RECORD;
    this.bytes.copyWithin(to, record, record + L.RECORD_SIZE);
    return new Template(this.view, this.bytes);
  }
}
