import { Random } from '../../src/lab/random.ts';
import { Scheduler } from '../../test/simulation/scheduler.ts';
import { parseHead } from '../../test/unit/control/dispatcher/heads.ts';
import type { Trace } from './popularity.ts';
import { POOL, SimulatedServer, dispatcherOf, quantile } from './servers.ts';
import type { Equipment, Job, PoolChoice } from './servers.ts';

export interface LoopPlan {
  trace: Trace;
  servers: number;
  clientsPerServer: number;
  /** not measured: caches fill */
  warmUp: number;
  measured: number;
  equipment: Equipment;
  seed: number;
}

export interface LoopFigures {
  /** share of the requests that needed no disk */
  hitRatio: number;
  /** requests per second of simulated time */
  throughput: number;
  /** ms; 90 % of the requests took no longer */
  percentile90: number;
  /** requests of the busiest server over the mean */
  imbalance: number;
}

/** Clients that ask for the next target when they have the last one, each request a connection of its own. */
class ClosedLoop {
  private readonly plan: LoopPlan;
  private readonly scheduler = new Scheduler();
  private readonly random: Random;
  private readonly servers: SimulatedServer[];
  private readonly usable: Uint8Array;
  private readonly dispatcher;
  /** by target: what the policy keys on; parsed once, as it does not change */
  private readonly keys = new Map<number, number>();
  private readonly tookMs: Float64Array;
  private readonly served: Float64Array;
  private finished = 0;
  private hits = 0;
  private sinceMs = 0;

  constructor(plan: LoopPlan, choice: PoolChoice) {
    this.plan = plan;
    this.random = new Random(plan.seed);
    this.dispatcher = dispatcherOf(plan.servers, choice, this.random.fork());
    this.servers = Array.from(
      { length: plan.servers },
      () => new SimulatedServer(plan.equipment, this.scheduler),
    );
    this.usable = new Uint8Array(plan.servers).fill(1);
    this.tookMs = new Float64Array(plan.measured);
    this.served = new Float64Array(plan.servers);
  }

  run(): LoopFigures {
    const { clientsPerServer, servers, warmUp, measured } = this.plan;
    for (let client = 0; client < clientsPerServer * servers; client += 1) this.ask();
    this.scheduler.runWhile(() => this.finished >= warmUp + measured, Infinity);
    return {
      hitRatio: this.hits / measured,
      throughput: (measured * 1000) / (this.scheduler.nowMs - this.sinceMs),
      percentile90: quantile(this.tookMs, 0.9),
      imbalance: (Math.max(...this.served) * servers) / measured,
    };
  }

  private ask(): void {
    const target = this.plan.trace.draw(this.random);
    const { nowMs } = this.scheduler;
    const server = this.dispatcher.assign(POOL, this.key(target), this.usable, nowMs);
    const job: Job = { target, bytes: this.plan.trace.sizes[target]!, cpuMs: 0, diskMs: 0 };
    this.servers[server]!.serve(job, (isHit) => {
      this.dispatcher.release(server);
      this.count(server, nowMs, isHit);
      this.ask();
    });
  }

  private count(server: number, sinceMs: number, isHit: boolean): void {
    const { warmUp, measured } = this.plan;
    const at = this.finished - warmUp;
    this.finished += 1;
    if (at < 0) {
      this.sinceMs = this.scheduler.nowMs;
    } else if (at < measured) {
      this.tookMs[at] = this.scheduler.nowMs - sinceMs;
      this.served[server]! += 1;
      if (isHit) this.hits += 1;
    }
  }

  private key(target: number): number {
    let key = this.keys.get(target);
    if (key === undefined) {
      key = this.dispatcher.parse(POOL, parseHead(`GET /files/${target} HTTP/1.0\r\n\r\n`));
      this.keys.set(target, key);
    }
    return key;
  }
}

export function runLoop(plan: LoopPlan, choice: PoolChoice): LoopFigures {
  return new ClosedLoop(plan, choice).run();
}
