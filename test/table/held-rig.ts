// A whole switch, its plane and its pool of workers, on a device that leaves the choice of the worker to the
// test; and an agent that takes every handoff a little later.
import * as L from '../../assembly/layout.ts';
import * as V from '../../assembly/verdict.ts';
import type { Message } from '../../src/channel/messages.ts';
import { monotonicMs, wallMs } from '../../src/clock.ts';
import { writeCookieKeys } from '../../src/control/switch/cookie-keys.ts';
import { WebSwitch } from '../../src/control/switch/web-switch.ts';
import { instantiateCore, type Core } from '../../src/core.ts';
import { Driver } from '../../src/host/driver.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../src/memory-map.ts';
import { readPacket, type TcpPacket } from '../../src/packet/read.ts';
import { EventfdWaker } from '../../src/packet-io/waker.ts';
import { Doorbell } from '../../src/workers/doorbell.ts';
import { WorkerPool } from '../../src/workers/pool.ts';
import { FromControlWriter, ToControlReader, workerAddress } from '../../src/workers/rings.ts';
import { DatagramStar } from '../support/datagram-star.ts';
import type { Random } from '../../src/lab/random.ts';
import { RUN, VIP, VIP6, testConfig } from '../unit/control/rig.ts';

export const HANDOFF = Uint8Array.of(10, 81, 1, 1);
export const HANDOFF_PORT = 80;
const READY_LEAST_MS = 3;
const READY_MOST_MS = 30;

export class HeldRig {
  readonly workers: number;
  readonly star: DatagramStar;
  readonly core: Core;
  readonly plane: WebSwitch;
  readonly faults: string[] = [];
  /** client ports whose request was handed off */
  readonly handed = new Set<number>();
  /** packets given to a worker, by worker */
  readonly given: number[];
  /** packets that left in all */
  left = 0;
  /** what left, with checksums that were verified */
  onPacket: (packet: TcpPacket) => void = () => {};
  readonly #driver: Driver;
  readonly #pool: WorkerPool;
  readonly #wakers: EventfdWaker[];
  readonly #random: Random;

  constructor(module: WebAssembly.Module, workers: number, random: Random) {
    const config = testConfig(1);
    const map = memoryMap({
      role: 'switch',
      connections: 1024,
      workers,
      seeds: [0x0123456789abcdefn, 0xfedcba9876543210n],
      services: [VIP, VIP6].map((address) => ({ address, port: 80 })),
    });
    const memory = createMemory(map);
    writeMemoryMap(memory, map);
    this.workers = workers;
    this.given = Array.from({ length: workers }, () => 0);
    this.#random = random;
    this.core = instantiateCore(module, memory);
    this.core.initialise();
    writeCookieKeys(this.core, config.switch!.key, wallMs());
    this.plane = new WebSwitch({
      core: this.core,
      config,
      run: RUN,
      random: () => random.fraction(),
      hostName: config.name,
    });
    this.star = new DatagramStar(workers);
    this.#wakers = this.star.fds.map(() => new EventfdWaker());
    this.#driver = new Driver({
      plane: this.plane,
      core: this.core,
      owner: this.plane.owner,
      toControl: new ToControlReader(memory),
      fromControl: new FromControlWriter(memory, this.#wakers),
      doorbell: new Doorbell(memory),
      send: (_, message) => this.#send(message),
      nowMs: monotonicMs,
      onFault: (error) => this.faults.push(String(error)),
    });
    this.#pool = new WorkerPool({
      memory,
      module,
      core: this.core,
      controlOwner: this.plane.owner,
      fds: this.star.fds,
      wakers: this.#wakers,
      onReplaced: ({ reason }) => this.faults.push(`a worker died: ${reason}`),
    });
  }

  async start(): Promise<void> {
    await this.#pool.ready();
    this.#driver.start();
    const bindings = [{ vip: VIP, port: 80, handoff: HANDOFF, handoffPort: HANDOFF_PORT }];
    const hello = {
      type: 'hello',
      version: 1,
      name: 'server1',
      roles: ['agent'],
      group: '',
    } as const;
    const rest = { run: 5, capabilities: [], services: [], bindings };
    this.#driver.receive({
      kind: 'channel-up',
      peer: 'server1',
      hello: { ...hello, roles: ['agent'], ...rest },
    });
    this.#tell({ type: 'resync', entries: [], last: true });
  }

  async stop(): Promise<void> {
    await this.#driver.stop();
    await this.#pool.stop();
    for (const waker of this.#wakers) waker.close();
    this.star.close();
  }

  #tell(message: Message): void {
    this.#driver.receive({ kind: 'message', from: 'server1', message });
  }

  #send(message: Message): boolean {
    if (message.type !== 'handoff') return true;
    this.handed.add(message.tuple.clientPort);
    const { id } = message;
    const waitMs = this.#random.between(READY_LEAST_MS, READY_MOST_MS);
    setTimeout(() => this.#tell({ type: 'ready', id }), waitMs);
    return true;
  }

  give(worker: number, packet: Uint8Array): void {
    this.given[worker]! += 1;
    this.star.send(worker, packet);
  }

  counter(worker: number, counter: number): number {
    const at = workerAddress(this.core.view, worker) + L.WORKER_COUNTERS + counter * 8;
    return Atomics.load(this.core.words, at >>> 2);
  }

  sum(counter: number): number {
    return this.given.reduce((total, _, worker) => total + this.counter(worker, counter), 0);
  }

  /** Looks at what has left. */
  collect(): void {
    for (let bytes = this.star.receive(); bytes; bytes = this.star.receive()) {
      this.left += 1;
      const packet = readPacket(bytes);
      this.core.bytes.set(bytes, L.CONTROL_BUFFER);
      const isWhole = this.core.verifyPacket(L.CONTROL_BUFFER, bytes.length) === 1;
      if (packet && isWhole) this.onPacket(packet);
      else
        this.faults.push(
          `a packet left with a wrong checksum: ${Buffer.from(bytes).toString('hex')}`,
        );
    }
  }

  /** Every packet given is in control's hands or has left: what is given now comes later. */
  isQuiet(): boolean {
    this.collect();
    const taken = this.given.every(
      (count, worker) => this.counter(worker, V.COUNTER_RECEIVED) === count,
    );
    if (!taken) return false;
    const sent = this.sum(V.COUNTER_FORWARDED) + this.sum(V.COUNTER_ANSWERED);
    return this.left >= sent + this.sum(V.COUNTER_FROM_CONTROL);
  }

  /** Waits for that without letting control have its turn. */
  spin(limitMs: number): void {
    const end = performance.now() + limitMs;
    while (!this.isQuiet()) if (performance.now() > end) throw new Error('workers take no packets');
  }
}
