import * as bpf from '../bpf/calls.ts';
import type { Steering } from '../bpf/steering.ts';
import * as libc from '../libc.ts';
import { unmap } from '../mapping.ts';
import * as places from './place.ts';
import type { PortPlace, RingPlace, WorkerPlace } from './place.ts';
import { xdpProgram } from './program.ts';
import * as sockets from './socket.ts';

/** What a worker's thread needs to use its part of a device; can be passed to it. */
export interface PortQueue extends WorkerPlace {
  worker: number;
  /** of the part that the workers share, and of the frames */
  base: number;
  frames: number;
  offsets: sockets.Offsets;
  /** by receive queue */
  fds: number[];
  /** which of them sends */
  transmitFd: number;
}

export interface OpenPort {
  /** by worker */
  queues: PortQueue[];
  /** Ends it; no thread may use the rings any more. */
  close: () => void;
}

export interface PortOptions {
  device: string;
  memory: WebAssembly.Memory;
  place: PortPlace;
  steering: Steering;
  /** maps of the addresses whose packets are taken; all are when omitted */
  destinations?: { 4: number; 6: number } | undefined;
}

function storeWord(words: Int32Array, at: number, value: number): void {
  Atomics.store(words, at >>> 2, value);
}

/** Gives the kernel the frames that it receives into, and the workers those that they send from. */
function dealFrames(
  words: Int32Array,
  place: PortPlace,
  { fill }: sockets.Offsets,
  queues: number,
): void {
  const fills = place.workers[0]!.queues.map((queue) => queue.fill.at);
  for (const [queue, at] of fills.entries()) {
    for (let index = 0; index < places.RECEIVE_FRAMES; index += 1) {
      const entry = (at + fill.entries + index * 8) >>> 2;
      words[entry] = (queue * places.RECEIVE_FRAMES + index) * places.FRAME_SIZE;
      words[entry + 1] = 0;
    }
    storeWord(words, at + fill.producer, places.RECEIVE_FRAMES);
  }
  const first = queues * places.RECEIVE_FRAMES;
  const list = (place.base + places.FREE_LIST) >>> 2;
  for (let index = first; index < place.frameCount; index += 1) {
    words[list + index - first] = index * places.FRAME_SIZE;
  }
  storeWord(words, place.base + places.FREE_COUNT, place.frameCount - first);
}

/** The opening of one device, step by step; whatever it made is in `fds`. */
class Opening {
  readonly fds: number[] = [];
  readonly #start: number;
  readonly #index: number;
  readonly #options: PortOptions;
  #offsets: sockets.Offsets | undefined;

  constructor(options: PortOptions) {
    this.#options = options;
    this.#index = libc.interfaceIndex(options.device);
    if (this.#index === 0) throw new Error(`there is no device ${options.device}`);
    this.#start = libc.addressOf(new Uint8Array(options.memory.buffer));
  }

  get offsets(): sockets.Offsets {
    return this.#offsets!;
  }

  /** A socket for each worker on each receive queue; by worker. */
  openSockets(): number[][] {
    const { place } = this.#options;
    const opened = place.workers.map((): number[] => []);
    const queues = place.workers[0]!.queues.length;
    for (let queue = 0; queue < queues; queue += 1) {
      for (const [worker, own] of place.workers.entries()) {
        opened[worker]!.push(this.#openSocket(worker, own, queue));
      }
    }
    return opened;
  }

  #openSocket(worker: number, own: WorkerPlace, queue: number): number {
    const fd = this.#keep(sockets.openSocket());
    const first = this.fds[0]!;
    const { fill, completion, receive } = own.queues[queue]!;
    if (fd === first) sockets.registerFrames(fd, this.#start, this.#options.place);
    const add = (kind: keyof sockets.Offsets, ring: RingPlace): void =>
      sockets.addRing(fd, this.#start, kind, ring);
    if (worker === 0) {
      add('fill', fill);
      add('completion', completion);
    }
    add('receive', receive);
    if (sendsFrom(worker, own) === queue) add('transmit', own.transmit);
    this.#offsets ??= sockets.ringOffsets(fd);
    if (fd === first) sockets.bindFirst(fd, this.#index, queue);
    else sockets.bindNext(fd, this.#index, queue, first);
    return fd;
  }

  /** From then on packets come to the sockets. */
  attach(opened: number[][]): void {
    const { steering, destinations } = this.#options;
    const queues = opened[0]!.length;
    const map = this.#keep(bpf.createMap(bpf.MAP_SOCKETS, 4, 4, queues * opened.length));
    for (const [worker, fds] of opened.entries()) {
      for (const [queue, fd] of fds.entries()) {
        bpf.setElement(map, u32(queue * opened.length + worker), u32(fd));
      }
    }
    const instructions = xdpProgram({ steering, sockets: map, destinations });
    const program = this.#keep(bpf.loadProgram(bpf.XDP, instructions));
    const native = bpf.attachXdp(program, this.#index, bpf.NATIVE);
    this.#keep(native ?? bpf.attachXdp(program, this.#index, bpf.GENERIC)!);
  }

  /** Sockets last: what the program still redirects to them is lost then. */
  close(): void {
    for (const fd of this.fds.splice(0).toReversed()) libc.close(fd);
    const { place } = this.#options;
    // the mappings would keep the sockets open
    unmap(this.#start + place.rings, place.ringBytes);
  }

  #keep(fd: number): number {
    this.fds.push(fd);
    return fd;
  }
}

/** A descriptor or index as a map's key or value. */
export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** The receive queue whose socket a worker sends by. */
function sendsFrom(worker: number, { queues }: WorkerPlace): number {
  return worker % queues.length;
}

/**
 * Takes a device's IP packets, or those to some addresses, from the kernel. `place`: portPlace() for as
 * many workers and receive queues as there are. Throws with the way to mend it.
 */
export function openPort(options: PortOptions): OpenPort {
  const { place, memory } = options;
  const opening = new Opening(options);
  try {
    const opened = opening.openSockets();
    const words = new Int32Array(memory.buffer);
    dealFrames(words, place, opening.offsets, opened[0]!.length);
    opening.attach(opened);
    const queues = place.workers.map((own, worker): PortQueue => {
      const fds = opened[worker]!;
      return {
        ...own,
        worker,
        base: place.base,
        frames: place.frames,
        offsets: opening.offsets,
        fds,
        transmitFd: fds[sendsFrom(worker, own)]!,
      };
    });
    return { queues, close: () => opening.close() };
  } catch (error) {
    opening.close();
    throw error;
  }
}
