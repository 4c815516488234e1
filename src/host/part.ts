import type { Message } from '../channel/messages.ts';
import { monotonicMs } from '../clock.ts';
import { Connections } from '../connections.ts';
import { instantiateCore, type Core } from '../core.ts';
import type { Plane, PlaneEvent } from '../event.ts';
import { openDevice, type Engine, type OpenDevice } from '../packet-io/engine.ts';
import { EventfdWaker } from '../packet-io/waker.ts';
import { Doorbell } from '../workers/doorbell.ts';
import { rest } from '../workers/pace.ts';
import { WorkerPool, type Replacement } from '../workers/pool.ts';
import { FromControlWriter, ToControlReader } from '../workers/rings.ts';
import { Driver } from './driver.ts';

/** A part's memory with its map written. */
export interface PartMemory {
  memory: WebAssembly.Memory;
  /** by worker: places for the device's rings (deviceBytes of packet-io/engine.ts) */
  rings: readonly number[];
}

export interface PartOptions<SomePlane extends Plane> extends PartMemory {
  role: 'switch' | 'agent';
  engine: Engine;
  device: string;
  /** the device stays when the part ends */
  keepsDevice?: boolean;
  workers: number;
  /** compiled core */
  module: WebAssembly.Module;
  makePlane: (core: Core) => SomePlane;
  send: (to: string, message: Message) => boolean;
  /** what an operator should know */
  notice: (text: string) => void;
  /** workers obey debug commands (tests only) */
  debug: boolean;
}

function describe(role: string, dead: Replacement): string {
  const lost = dead.lostConnections === 0 ? 'no connection lost' : `${dead.lostConnections} lost`;
  return `${role} worker ${dead.worker} died (${dead.reason}) and was replaced, ${lost}`;
}

/** One role on this host: its memory, device, workers and plane. */
export class Part<SomePlane extends Plane = Plane> {
  readonly role: 'switch' | 'agent';
  readonly engine: Engine;
  readonly device: string;
  readonly memory: WebAssembly.Memory;
  readonly core: Core;
  readonly connections: Connections;
  readonly plane: SomePlane;
  readonly driver: Driver;
  readonly fromControl: FromControlWriter;
  readonly pool: WorkerPool;
  readonly #open: OpenDevice;
  readonly #wakers: EventfdWaker[];

  /** Opens the device and starts its workers; packets wait in the device until then. Throws if it cannot. */
  constructor(options: PartOptions<SomePlane>) {
    const { role, engine, device, workers, module, memory, notice, debug } = options;
    this.role = role;
    this.engine = engine;
    this.device = device;
    this.memory = memory;
    this.core = instantiateCore(module, memory);
    this.core.initialise();
    const owner = this.core.nextOwner();
    this.connections = new Connections(memory.buffer);
    this.plane = options.makePlane(this.core);
    this.#open = openDevice(engine, device, workers, memory, options.rings, options.keepsDevice);
    this.#wakers = this.#open.fds.map(() => new EventfdWaker());
    this.fromControl = new FromControlWriter(memory, this.#wakers);
    this.driver = new Driver({
      plane: this.plane,
      core: this.core,
      owner,
      toControl: new ToControlReader(memory),
      fromControl: this.fromControl,
      doorbell: new Doorbell(memory),
      send: options.send,
      nowMs: monotonicMs,
      rest,
      onFault: (error, event) => notice(`${role}: ${faultText(error, event)}`),
    });
    this.pool = new WorkerPool({
      memory,
      module,
      core: this.core,
      controlOwner: owner,
      fds: this.#open.fds,
      rings: this.#open.rings,
      ports: this.#open.ports,
      wakers: this.#wakers,
      onReplaced: (dead) => notice(describe(role, dead)),
      debug,
    });
  }

  /** Comes back when all workers forward and the plane is served. */
  async start(): Promise<void> {
    await this.pool.ready();
    this.driver.start();
  }

  /** The plane first, so that it cannot queue for workers that have gone. */
  async stop(): Promise<void> {
    await this.driver.stop();
    await this.pool.stop();
    this.#open.close();
    for (const waker of this.#wakers) waker.close();
  }
}

function faultText(error: unknown, event: PlaneEvent): string {
  const where = event.kind === 'message' ? `message ${event.message.type}` : event.kind;
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `a mistake of the program at a ${where} event: ${what}`;
}
