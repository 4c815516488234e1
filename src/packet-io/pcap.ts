import { writeSync } from 'node:fs';
import { SLOT_LENGTH, SLOT_PACKET, SLOT_SIZE } from '../../assembly/layout.ts';
import type { Device } from './device.ts';

// pcapng (draft-ietf-opsawg-pcapng): section header, one interface of raw IP with nanoseconds, then
// enhanced packet blocks with direction and comment. tcpdump and tshark read it.
const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const LINKTYPE_RAW = 101;
const OPTION_COMMENT = 1;
const OPTION_FLAGS = 2;
const OPTION_TIMESTAMP_RESOLUTION = 9;
const INBOUND = 1;
const OUTBOUND = 2;
const BLOCK_FRAME = 12; // type, length, and the length again at the end

function padded(length: number): number {
  return (length + 3) & ~3;
}

function option(code: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + padded(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  bytes.set(value, 4);
  return bytes;
}

function block(type: number, ...parts: Uint8Array[]): Uint8Array {
  const size = BLOCK_FRAME + parts.reduce((sum, part) => sum + padded(part.length), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, size, true);
  view.setUint32(size - 4, size, true);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += padded(part.length);
  }
  return bytes;
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

const NO_MORE_OPTIONS = words(0);

/** What a pcapng file begins with. */
export function pcapHead(): Uint8Array {
  const section = block(SECTION_HEADER, words(BYTE_ORDER_MAGIC, 1, 0xffffffff, 0xffffffff));
  const resolution = option(OPTION_TIMESTAMP_RESOLUTION, Uint8Array.of(9));
  const face = block(INTERFACE_DESCRIPTION, words(LINKTYPE_RAW, 0), resolution, NO_MORE_OPTIONS);
  return new Uint8Array([...section, ...face]);
}

/** One packet's block. `wallNs`: nanoseconds since 1970. */
export function pcapPacket(
  packet: Uint8Array,
  wallNs: bigint,
  inbound: boolean,
  comment = '',
): Uint8Array {
  const low = Number(wallNs & 0xffffffffn);
  const high = Number(wallNs >> 32n);
  return block(
    ENHANCED_PACKET,
    words(0, high, low, packet.length, packet.length),
    packet,
    option(OPTION_FLAGS, words(inbound ? INBOUND : OUTBOUND)),
    ...(comment ? [option(OPTION_COMMENT, new TextEncoder().encode(comment))] : []),
    NO_MORE_OPTIONS,
  );
}

/** Writes all that passes a device into an open file, as pcapng. For tests and short looks: it is slow. */
export class RecordingDevice implements Device {
  readonly #device: Device;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: number;
  readonly #wallNs: () => bigint;

  /** `file`: a descriptor open for writing; `wallNs`: the clock for the packets' times. */
  constructor(device: Device, memory: WebAssembly.Memory, file: number, wallNs: () => bigint) {
    this.#device = device;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#file = file;
    this.#wallNs = wallNs;
    writeSync(file, pcapHead());
  }

  receive(slot: number, count: number): number {
    const received = this.#device.receive(slot, count);
    for (let index = 0; index < received; index += 1) this.#record(slot + index * SLOT_SIZE, true);
    return received;
  }

  transmit(slot: number): boolean {
    this.#record(slot, false);
    return this.#device.transmit(slot);
  }

  wait(timeoutMs: number): void {
    this.#device.wait(timeoutMs);
  }

  #record(slot: number, inbound: boolean): void {
    const length = this.#view.getUint32(slot + SLOT_LENGTH, true);
    const packet = this.#bytes.slice(slot + SLOT_PACKET, slot + SLOT_PACKET + length);
    writeSync(this.#file, pcapPacket(packet, this.#wallNs(), inbound));
  }
}
