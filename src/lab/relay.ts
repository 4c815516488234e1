// The bad link: two devices, one at each end, and this program between them. The kernel's own netem is not
// in every kernel; a relay works in all.
import { writeSync } from 'node:fs';
import * as libc from '../packet-io/libc.ts';
import { openEthernet } from '../packet-io/ethernet.ts';
import { Random } from './random.ts';
import { Wire, type LinkConditions, type WireFigures } from './wire.ts';

export interface RelayPlan extends LinkConditions {
  /** the same seed loses the same frames */
  seed: number;
  /** the devices to make, one for each end */
  devices: [string, string];
}

/** What the relay prints when it has made its devices. */
export const RELAY_READY = 'relay: ready';

const SLOT_SIZE = 2048; // a frame of an Ethernet link: no device has a longer MTU unless it is told so
const SLOTS_PER_WIRE = 8192;
const BATCH = 32;
const IDLE_MS = 500;
const POLLFD_SIZE = 8;
const POLLFD_EVENTS = 4;

const ETHERTYPE = 12;
const ARP = 0x0806;
const IPV6 = 0x86dd;
const IPV6_NEXT_HEADER = 20;
const ICMPV6 = 58;
const ICMPV6_TYPE = 54;
const NEIGHBOUR_DISCOVERY = [133, 137] as const;

class Relay {
  readonly #fds: [number, number];
  readonly #wires: [Wire, Wire];
  readonly #frames = libc.bytesOfItsOwn(2 * SLOTS_PER_WIRE * SLOT_SIZE);
  readonly #base = libc.addressOf(this.#frames);
  readonly #lengths = new Int32Array(2 * SLOTS_PER_WIRE);
  /** a stack */
  readonly #free = Array.from({ length: 2 * SLOTS_PER_WIRE }, (_, slot) => slot);
  readonly #polled = libc.bytesOfItsOwn(2 * POLLFD_SIZE);
  readonly #polledAddress = libc.addressOf(this.#polled);
  #shown = '';

  constructor(plan: RelayPlan) {
    const random = new Random(plan.seed);
    const wire = () => new Wire(plan, random.fork(), SLOTS_PER_WIRE - 1);
    this.#wires = [wire(), wire()];
    this.#fds = [openEthernet(plan.devices[0]), openEthernet(plan.devices[1])];
    const view = new DataView(this.#polled.buffer);
    for (const [end, fd] of this.#fds.entries()) {
      view.setInt32(end * POLLFD_SIZE, fd, true);
      view.setInt16(end * POLLFD_SIZE + POLLFD_EVENTS, libc.POLLIN, true);
    }
  }

  /** Never returns: signals have their default effect, which is to end the process. */
  run(): never {
    for (;;) {
      let moved = 0;
      for (const end of [0, 1] as const) moved += this.#take(end) + this.#give(end);
      if (moved === 0) this.#wait();
    }
  }

  #take(end: 0 | 1): number {
    const wire = this.#wires[end];
    for (let count = 0; count < BATCH; count += 1) {
      const slot = this.#free.at(-1)!;
      const length = libc.read(this.#fds[end], this.#base + slot * SLOT_SIZE, SLOT_SIZE);
      if (length <= 0) return count;
      this.#lengths[slot] = length;
      if (this.#isNeighbourDiscovery(slot * SLOT_SIZE)) this.#send(end, slot);
      else if (wire.take(slot, performance.now())) this.#free.pop();
    }
    return BATCH;
  }

  /** A link's own frames always arrive: a lost one would cost a second, which is no network's loss. */
  #isNeighbourDiscovery(at: number): boolean {
    const frame = this.#frames;
    const type = (frame[at + ETHERTYPE]! << 8) | frame[at + ETHERTYPE + 1]!;
    if (type === ARP) return true;
    if (type !== IPV6 || frame[at + IPV6_NEXT_HEADER] !== ICMPV6) return false;
    const [first, last] = NEIGHBOUR_DISCOVERY;
    return frame[at + ICMPV6_TYPE]! >= first && frame[at + ICMPV6_TYPE]! <= last;
  }

  #give(end: 0 | 1): number {
    const wire = this.#wires[end];
    let count = 0;
    for (; count < BATCH; count += 1) {
      const slot = wire.next(performance.now());
      if (slot < 0) break;
      this.#send(end, slot);
      this.#free.push(slot);
    }
    return count;
  }

  #send(end: 0 | 1, slot: number): void {
    libc.write(this.#fds[1 - end]!, this.#base + slot * SLOT_SIZE, this.#lengths[slot]!);
  }

  #wait(): void {
    const dueMs = Math.min(...this.#wires.map((wire) => wire.dueMs()));
    const leftMs = Math.ceil(Math.max(0, Math.min(IDLE_MS, dueMs - performance.now())));
    if (libc.poll(this.#polledAddress, 2, leftMs) === 0 && leftMs === IDLE_MS) this.#show();
  }

  /** One line for the log when traffic has paused. */
  #show(): void {
    const [there, back] = this.#wires.map(({ figures }) => figures) as [WireFigures, WireFigures];
    const line = JSON.stringify({ there, back });
    if (line !== this.#shown) writeSync(1, `${line}\n`);
    this.#shown = line;
  }
}

export function runRelay(plan: RelayPlan): never {
  const relay = new Relay(plan);
  writeSync(1, `${RELAY_READY}, seed ${plan.seed}\n`);
  return relay.run();
}
