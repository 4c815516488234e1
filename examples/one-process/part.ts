import {
  createCore,
  Forwarding,
  FromControlWriter,
  MemoryDevice,
  ToControlReader,
  type Effects,
  type MemoryMapOptions,
  type Message,
  type Plane,
  type PlaneEvent,
} from '../../src/index-planes.ts'; // in a program of your own: from 'baton/planes'

type Core = Awaited<ReturnType<typeof createCore>>;

/** What every part needs of the program around it. */
export interface Surroundings {
  /** what came out of the part's device */
  transmit: (packet: Uint8Array) => void;
  send: (to: string, message: Message) => void;
}

const ONE_WORKER = {
  connections: 1024,
  workers: 1,
  toControlBytes: 65536,
  fromControlBytes: 262144,
};

/** A switch or an agent in this process: its core, one worker over a device in memory, and its plane. */
export class Part<Kind extends Plane> {
  readonly plane: Kind;
  readonly core: Core;
  readonly #device: MemoryDevice;
  readonly #worker: Forwarding;
  readonly #toControl: ToControlReader;
  readonly #fromControl: FromControlWriter;
  readonly #around: Surroundings;
  readonly #owner: number;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(core: Core, plane: Kind, around: Surroundings) {
    this.core = core;
    this.plane = plane;
    this.#around = around;
    this.#owner = core.nextOwner();
    const { memory } = core;
    this.#device = new MemoryDevice(memory);
    const nowMs = (): number => performance.now();
    this.#worker = new Forwarding({ core, memory, worker: 0, device: this.#device, nowMs });
    this.#toControl = new ToControlReader(memory);
    this.#fromControl = new FromControlWriter(memory, [{ wake: () => {} }]);
  }

  static makeCore(
    options: Pick<MemoryMapOptions, 'role'> & Partial<MemoryMapOptions>,
  ): Promise<Core> {
    const [one = 0n, other = 0n] = crypto.getRandomValues(new BigUint64Array(2));
    return createCore({ ...ONE_WORKER, seeds: [one, other], ...options }, 'single');
  }

  /** A packet for this host comes out of the network. */
  arrive(packet: Uint8Array): void {
    this.#device.arrive(packet);
    this.#soon();
  }

  receive(event: PlaneEvent): void {
    if (this.#isStopped) return;
    const { packets, messages, deadlineMs }: Effects = this.plane.receive(event, performance.now());
    for (const packet of packets) {
      if (this.#fromControl.push(packet) || packet.rewrite === undefined) continue;
      const [idRun, idCounter] = this.#fromControl.handoffId(packet.rewrite);
      this.core.held(this.#owner, packet.rewrite, idRun, idCounter, 1);
    }
    if (packets.length > 0) this.#soon();
    for (const { to, message } of messages) this.#around.send(to, message);
    clearTimeout(this.#timer);
    if (deadlineMs === Infinity) return;
    const waitMs = Math.max(1, Math.ceil(deadlineMs - performance.now()));
    this.#timer = setTimeout(() => this.receive({ kind: 'time' }), waitMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #isDue = false;

  #soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#turn();
    });
  }

  /** What a worker thread and the control thread do, one after the other. */
  #turn(): void {
    while (this.#worker.pass() > 0);
    for (const { packet } of this.#device.take()) this.#around.transmit(packet);
    for (const event of this.#toControl.read(128)) this.receive(event);
    if (!this.#toControl.isEmpty()) this.#soon();
  }
}
