import * as L from '../../assembly/layout.ts';
import type { Hello, Message } from '../../src/channel/messages.ts';
import { instantiateCore, type Core } from '../../src/core.ts';
import type { Effects, OutgoingPacket, Plane, PlaneEvent } from '../../src/event.ts';
import {
  createMemory,
  memoryMap,
  writeMemoryMap,
  type MemoryMapOptions,
} from '../../src/memory-map.ts';
import { MemoryDevice } from '../../src/packet-io/memory.ts';
import { Forwarding } from '../../src/workers/forwarding.ts';
import { FromControlWriter, ToControlReader } from '../../src/workers/rings.ts';
import type { Random } from '../../src/lab/random.ts';
import type { ChannelHost } from './control-link.ts';
import type { Scheduler, Timer } from './scheduler.ts';
import { BucketWatch } from './tables.ts';

export interface MachineParts {
  name: string;
  index: number;
  clock: Scheduler;
  random: Random;
  module: WebAssembly.Module;
  map: MemoryMapOptions;
  makePlane: (core: Core) => Plane & { hello?(to?: string): Hello };
  /** out of the device */
  transmit: (packet: Uint8Array) => void;
  send: (to: string, message: Message) => void;
  /** before each batch: writes the leases */
  beforePass: (memory: DataView) => void;
  /** packets of this many ms may wait for a worker, records for control */
  workerDelayMs: number;
  controlDelayMs: number;
  /** a packet may come to any worker instead of its connection's */
  isSteeringLoose: boolean;
  report: (problem: string) => void;
}

const CONTROL_RECORDS = 128;
/** A TUN's queue (txqueuelen), while nobody reads it. */
const DEVICE_QUEUE = 500;

/**
 * One role of the program on virtual time: the core with its memory, forwarding for each worker,
 * and the
 * plane. It does what src/host/part.ts, driver.ts and the worker threads do; a worker's pass and a
 * turn of
 * control are single events whose distance is random, which is what threads do to each other.
 */
export class Machine implements ChannelHost {
  readonly name: string;
  readonly index: number;
  readonly core: Core;
  readonly plane: Plane & { hello?(to?: string): Hello };
  readonly view: DataView;
  isRunningNow = true;
  private isStopped = false;
  private readonly parts: MachineParts;
  private readonly devices: MemoryDevice[];
  private readonly workers: Forwarding[];
  private readonly passes: (Timer | undefined)[];
  private readonly toControl: ToControlReader;
  private readonly fromControl: FromControlWriter;
  private readonly owner: number;
  private readonly buckets: BucketWatch;
  private control: Timer | undefined;
  private timer: Timer | undefined;

  constructor(parts: MachineParts) {
    this.parts = parts;
    this.name = parts.name;
    this.index = parts.index;
    const map = memoryMap(parts.map);
    const memory = createMemory(map, false);
    writeMemoryMap(memory, map);
    this.core = instantiateCore(parts.module, memory);
    this.core.initialise();
    this.owner = this.core.nextOwner();
    this.view = new DataView(memory.buffer);
    this.plane = parts.makePlane(this.core);
    const { workers } = parts.map;
    this.devices = Array.from({ length: workers }, () => new MemoryDevice(memory));
    this.workers = this.devices.map(
      (device, worker) =>
        new Forwarding({ core: this.core, memory, worker, device, nowMs: () => parts.clock.nowMs }),
    );
    this.passes = this.devices.map(() => undefined);
    this.toControl = new ToControlReader(memory);
    const wakers = this.devices.map((_, worker) => ({ wake: () => this.passSoon(worker) }));
    this.fromControl = new FromControlWriter(memory, wakers);
    this.buckets = new BucketWatch(this.view);
  }

  start(): void {
    this.receive({ kind: 'time' });
  }

  isRunning(): boolean {
    return this.isRunningNow;
  }

  /** The process dies: device, memory and everything in it are gone. */
  crash(): void {
    this.isRunningNow = false;
    for (const timer of [this.control, this.timer, ...this.passes]) {
      if (timer) timer.cancelled = true;
    }
  }

  isPaused(): boolean {
    return this.isStopped;
  }

  /** SIGSTOP: no thread of it runs, its device and its kernel's sockets fill. */
  pause(): void {
    this.isStopped = true;
  }

  /** SIGCONT. */
  resume(): void {
    this.isStopped = false;
    if (!this.isRunningNow) return;
    for (const worker of this.workers.keys()) this.passSoon(worker);
    this.drainSoon();
    this.schedule(this.parts.clock.nowMs);
  }

  hello(to?: string): Hello {
    return this.plane.hello!(to);
  }

  up(peer: string, hello: Hello): void {
    this.receive({ kind: 'channel-up', peer, hello });
  }

  down(peer: string): void {
    this.receive({ kind: 'channel-down', peer });
  }

  message(from: string, message: Message): void {
    this.receive({ kind: 'message', from, message });
  }

  /** A packet out of the host's kernel into the device; `client` decides the queue. */
  arrive(packet: Uint8Array, vnet: Uint8Array, flow: number): void {
    if (!this.isRunningNow) return;
    const { random, isSteeringLoose } = this.parts;
    const count = this.workers.length;
    const worker = isSteeringLoose && random.chance(0.2) ? random.below(count) : flow % count;
    const device = this.devices[worker]!;
    if (this.isStopped && device.arriving.length >= DEVICE_QUEUE) return;
    device.arrive(packet, vnet);
    this.passSoon(worker);
  }

  receive(event: PlaneEvent): void {
    // channels keep for a stopped one what they have; only its timers come
    if (!this.isRunningNow || this.isStopped) return;
    this.schedule(this.feed(event));
  }

  private feed(event: PlaneEvent): number {
    const effects: Effects = this.plane.receive(event, this.parts.clock.nowMs);
    for (const packet of effects.packets) this.push(packet);
    for (const { to, message } of effects.messages) this.parts.send(to, message);
    this.buckets.check(`${this.name}'s control`, this.parts.report);
    return effects.deadlineMs;
  }

  private push(packet: OutgoingPacket): void {
    if (this.fromControl.push(packet)) return this.passSoon(packet.worker);
    if (packet.rewrite === undefined) return;
    const [idRun, idCounter] = this.fromControl.handoffId(packet.rewrite);
    this.core.held(this.owner, packet.rewrite, idRun, idCounter, 1);
  }

  private schedule(deadlineMs: number): void {
    const { clock } = this.parts;
    if (this.timer) this.timer.cancelled = true;
    this.timer = undefined;
    if (deadlineMs === Infinity) return;
    // Node's timers have whole milliseconds and are never early
    const waitMs = Math.max(1, Math.ceil(deadlineMs - clock.nowMs));
    this.timer = clock.after(waitMs, () => this.receive({ kind: 'time' }));
  }

  private passSoon(worker: number): void {
    if (this.passes[worker]) return;
    const { clock, random, workerDelayMs } = this.parts;
    this.passes[worker] = clock.after(workerDelayMs * random.fraction(), () => {
      this.passes[worker] = undefined;
      if (!this.isStopped) this.pass(worker);
    });
  }

  private pass(worker: number): void {
    this.parts.beforePass(this.view);
    const handled = this.workers[worker]!.pass();
    this.buckets.check(`${this.name}'s worker`, this.parts.report);
    for (const { packet, vnet } of this.devices[worker]!.take()) this.leave(packet, vnet);
    if (handled > 0) this.passSoon(worker);
    if (!this.toControl.isEmpty()) this.drainSoon();
  }

  /** What a TUN's kernel does with a partial checksum: it completes it. */
  private leave(packet: Uint8Array, vnet: Uint8Array): void {
    if ((vnet[0]! & 1) !== 0) completeChecksum(packet, vnet);
    this.parts.transmit(packet);
  }

  private drainSoon(): void {
    if (this.control) return;
    const { clock, random, controlDelayMs } = this.parts;
    this.control = clock.after(controlDelayMs * random.fraction(), () => {
      this.control = undefined;
      if (!this.isStopped) this.drain();
    });
  }

  private drain(): void {
    let deadlineMs = Infinity;
    const events = this.toControl.read(CONTROL_RECORDS);
    for (const event of events) deadlineMs = this.feed(event);
    if (events.length > 0) this.schedule(deadlineMs);
    if (!this.toControl.isEmpty()) this.drainSoon();
  }
}

const NEEDS_CSUM = 1;

/** Makes the checksum of a locally made packet partial, as a kernel leaves it to its device. */
export function makePartial(packet: Uint8Array): Uint8Array {
  const vnet = new Uint8Array(L.VNET_SIZE);
  const isSix = packet[0]! >> 4 === 6;
  const start = isSix ? 40 : 20;
  const view = new DataView(vnet.buffer);
  vnet[0] = NEEDS_CSUM;
  view.setUint16(6, start, true);
  view.setUint16(8, 16, true);
  let sum = 6 + packet.length - start;
  for (let at = isSix ? 8 : 12; at < start; at += 2) sum += (packet[at]! << 8) | packet[at + 1]!;
  sum = fold(sum);
  packet[start + 16] = sum >> 8;
  packet[start + 17] = sum & 255;
  return vnet;
}

function completeChecksum(packet: Uint8Array, vnet: Uint8Array): void {
  const view = new DataView(vnet.buffer, vnet.byteOffset);
  const start = view.getUint16(6, true);
  const place = start + view.getUint16(8, true);
  let sum = 0;
  for (let at = start; at < packet.length; at += 2) {
    sum += (packet[at]! << 8) | (packet[at + 1] ?? 0);
  }
  const checksum = ~fold(sum) & 0xffff;
  packet[place] = checksum >> 8;
  packet[place + 1] = checksum & 255;
}

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 65536);
  return folded;
}
