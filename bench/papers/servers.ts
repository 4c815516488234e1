// Simulated servers behind the real dispatcher: a processor, a private cache in memory, a disk, a link. Each
// of them serves one job after the other. Times are of the simulation alone.
import { LARD } from '../../src/config/choices.ts';
import type { PoolConfig } from '../../src/config/config.ts';
import { Dispatcher } from '../../src/control/dispatcher/dispatcher.ts';
import type { Random } from '../../src/lab/random.ts';
import type { Scheduler } from '../../test/simulation/scheduler.ts';

/** What a server has, the same for all of a cluster. */
export interface Equipment {
  cacheBytes: number;
  /** ms for every read from disk, and for each KB (1000 bytes) of it */
  diskMs: number;
  diskMsPerKb: number;
  /** ms on the processor for every request, and for each KB of its response */
  cpuMs: number;
  cpuMsPerKb: number;
  linkBytesPerMs: number;
}

/** One request's work. */
export interface Job {
  /** what is cached; -1: made for this request alone */
  target: number;
  bytes: number;
  /** beyond what every request costs */
  cpuMs: number;
  diskMs: number;
}

/** Files in memory; the one that was not asked for longest goes. */
export class Cache {
  private readonly capacity: number;
  /** sizes by target, the longest unused first */
  private readonly files = new Map<number, number>();
  private bytes = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Whether the target is there; it is the latest used then. */
  use(target: number): boolean {
    const size = this.files.get(target);
    if (size === undefined) return false;
    this.files.delete(target);
    this.files.set(target, size);
    return true;
  }

  put(target: number, size: number): void {
    if (size > this.capacity || this.use(target)) return;
    this.files.set(target, size);
    this.bytes += size;
    for (const [oldest, other] of this.files) {
      if (this.bytes <= this.capacity) break;
      this.files.delete(oldest);
      this.bytes -= other;
    }
  }
}

/** Something that serves one after the other. */
class Line {
  private freeMs = 0;

  /** When work that comes now is done. */
  take(nowMs: number, workMs: number): number {
    this.freeMs = Math.max(this.freeMs, nowMs) + workMs;
    return this.freeMs;
  }
}

export class SimulatedServer {
  private readonly equipment: Equipment;
  private readonly scheduler: Scheduler;
  private readonly cache: Cache;
  private readonly processor = new Line();
  private readonly disk = new Line();
  private readonly link = new Line();
  /** reads under way: when each ends */
  private readonly reads = new Map<number, number>();

  constructor(equipment: Equipment, scheduler: Scheduler) {
    this.equipment = equipment;
    this.scheduler = scheduler;
    this.cache = new Cache(equipment.cacheBytes);
  }

  /** `onDone`: the last byte has left; `isHit`: no disk was needed. */
  serve(job: Job, onDone: (isHit: boolean) => void): void {
    const { cpuMs, cpuMsPerKb } = this.equipment;
    const workMs = cpuMs + job.cpuMs + (cpuMsPerKb * job.bytes) / 1000;
    const send = (isHit: boolean): void => {
      const sendMs = job.bytes / this.equipment.linkBytesPerMs;
      this.scheduler.at(this.link.take(this.scheduler.nowMs, sendMs), () => onDone(isHit));
    };
    this.scheduler.at(this.processor.take(this.scheduler.nowMs, workMs), () => {
      const isCached = job.target >= 0 && this.cache.use(job.target);
      if (isCached || (job.target < 0 && job.diskMs === 0)) send(true);
      else this.read(job, () => send(false));
    });
  }

  /** Who wants what is being read waits for that read. */
  private read(job: Job, onRead: () => void): void {
    const { diskMs, diskMsPerKb } = this.equipment;
    const { target, bytes } = job;
    let endMs = this.reads.get(target);
    if (endMs === undefined) {
      const workMs = target < 0 ? job.diskMs : diskMs + (diskMsPerKb * bytes) / 1000;
      endMs = this.disk.take(this.scheduler.nowMs, workMs);
      if (target >= 0) this.reads.set(target, endMs);
    }
    this.scheduler.at(endMs, () => {
      if (target >= 0) {
        this.reads.delete(target);
        this.cache.put(target, bytes);
      }
      onRead();
    });
  }
}

export type PoolChoice = Partial<PoolConfig> & Pick<PoolConfig, 'policy'>;

export const POOL = 'all';

/** The switch's dispatcher, with one pool of so many servers of weight 1. */
export function dispatcherOf(count: number, choice: PoolChoice, random: Random): Dispatcher {
  const servers = Array.from({ length: count }, (_, index) => ({
    name: `server${index + 1}`,
    agent: { address: Uint8Array.of(10, 0, 0, index + 1), port: 7080 },
    port: 80,
    weight: 1,
  }));
  const names = servers.map(({ name }) => name);
  const pool: PoolConfig = { ...LARD, ...choice, name: POOL, servers: names };
  return new Dispatcher(servers, [pool], () => random.fraction());
}

/** The value that a share of them, sorted here, does not exceed. */
export function quantile(values: Float64Array, share: number): number {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
