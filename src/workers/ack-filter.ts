import * as L from '../../assembly/layout.ts';
import { IPV4_HEADER_SIZE, IPV4_PROTOCOL } from '../../assembly/wire/ipv4.ts';
import { IPV6_HEADER_SIZE, IPV6_NEXT_HEADER } from '../../assembly/wire/ipv6.ts';
import {
  TCP_ACK,
  TCP_ACKNOWLEDGMENT,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  TCP_HEADER_SIZE,
  TCP_OPTION_TIMESTAMPS_SIZE,
  TCP_TIMESTAMPS_ALIGNED,
} from '../../assembly/wire/tcp.ts';

const PROTOCOL_TCP = 6;
const TIMESTAMPS_SIZE = 2 + TCP_OPTION_TIMESTAMPS_SIZE; // behind two NOPs (RFC 7323 appendix A)
const LONGEST = IPV6_HEADER_SIZE + TCP_HEADER_SIZE + TIMESTAMPS_SIZE;
const MEMORY = 16; // connections whose last ACK is remembered in a batch, a power of two

/**
 * Takes a client's acknowledgments out of a batch that a later one of the same batch supersedes (RFC 3449
 * section 5.2.1). In a download each costs the server's kernel a way through its whole stack for nothing.
 * Only ACKs that say nothing else go: no data, no other flag, no SACK block, and less acknowledged, so
 * that repeated ACKs all stay. Those of the server stay too: the network may lose the later one.
 */
export class AckFilter {
  readonly #view: DataView;
  readonly #entryBase: number;
  /** by entry: batch, entry and acknowledgment of the latest ACK seen */
  readonly #batches = new Uint32Array(MEMORY);
  readonly #entries = new Uint32Array(MEMORY);
  readonly #acknowledgments = new Uint32Array(MEMORY);
  #batch = 0;

  constructor(memory: WebAssembly.Memory) {
    this.#view = new DataView(memory.buffer);
    this.#entryBase = this.#view.getUint32(L.HEADER_ENTRY_BASE, true);
  }

  /**
   * Closes up the first `count` of `slots` (addresses, in order of sending) over the superseded ones and
   * calls `gone` with each of these; returns how many are left.
   */
  filter(slots: Uint32Array, count: number, gone: (slot: number) => void): number {
    this.#batch = (this.#batch + 1) >>> 0;
    let superseded = 0;
    for (let index = count - 1; index >= 0; index -= 1) {
      const slot = slots[index] ?? 0;
      const tcp = this.#pureAck(slot);
      if (tcp === 0 || !this.#isSuperseded(slot, tcp)) continue;
      gone(slot);
      slots[index] = 0;
      superseded += 1;
    }
    if (superseded === 0) return count;
    let left = 0;
    for (let index = 0; index < count; index += 1) {
      const slot = slots[index] ?? 0;
      if (slot !== 0) slots[left++] = slot;
    }
    return left;
  }

  /** Address of the TCP header if the packet only acknowledges, else 0. Its lengths are checked already. */
  #pureAck(slot: number): number {
    const view = this.#view;
    const length = view.getUint32(slot + L.SLOT_LENGTH, true);
    if (length > LONGEST) return 0;
    const packet = slot + L.SLOT_PACKET;
    const six = view.getUint8(packet) >>> 4 === 6;
    const protocol = view.getUint8(packet + (six ? IPV6_NEXT_HEADER : IPV4_PROTOCOL));
    if (protocol !== PROTOCOL_TCP) return 0;
    const ipHeader = six ? IPV6_HEADER_SIZE : IPV4_HEADER_SIZE;
    const tcp = packet + ipHeader;
    const header = length - ipHeader;
    // the header's length fills the packet; the reserved bits beside it are used by accurate ECN
    if (view.getUint8(tcp + TCP_DATA_OFFSET) !== (header >>> 2) << 4) return 0;
    if (view.getUint8(tcp + TCP_FLAGS) !== TCP_ACK) return 0;
    if (header === TCP_HEADER_SIZE) return tcp;
    if (header !== TCP_HEADER_SIZE + TIMESTAMPS_SIZE) return 0;
    return view.getUint32(tcp + TCP_HEADER_SIZE, true) === TCP_TIMESTAMPS_ALIGNED ? tcp : 0;
  }

  #isSuperseded(slot: number, tcp: number): boolean {
    const entry = this.#view.getUint32(slot + L.SLOT_ENTRY, true);
    const clientPort = this.#entryBase + entry * L.ENTRY_SIZE + L.ENTRY_CLIENT_PORT;
    if (this.#view.getUint16(tcp) !== this.#view.getUint16(clientPort)) return false;
    const acknowledgment = this.#view.getUint32(tcp + TCP_ACKNOWLEDGMENT);
    const at = entry & (MEMORY - 1);
    const isKnown = this.#batches[at] === this.#batch && this.#entries[at] === entry;
    const ahead = ((this.#acknowledgments[at] ?? 0) - acknowledgment) | 0;
    if (isKnown && ahead > 0) return true;
    this.#batches[at] = this.#batch;
    this.#entries[at] = entry;
    this.#acknowledgments[at] = acknowledgment;
    return false;
  }
}
