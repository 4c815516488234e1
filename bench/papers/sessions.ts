// CAP against LARD under the workload model of Andreolini et al. 2003, table 1, in two mixes of static and
// dynamic pages. One connection for each page, whose first request decides.
import { Random } from '../../src/lab/random.ts';
import { Scheduler } from '../../test/simulation/scheduler.ts';
import { parseHead } from '../../test/unit/control/dispatcher/heads.ts';
import { WORKLOAD, exponential } from './distributions.ts';
import { drawIndex, zipfSums } from './popularity.ts';
import { POOL, SimulatedServer, dispatcherOf, quantile } from './servers.ts';
import type { Equipment, Job, PoolChoice } from './servers.ts';

export interface Mix {
  name: string;
  /** share of the pages that a program computes, or reads from its database's disk */
  cpu: number;
  disk: number;
}

export interface SessionPlan {
  mix: Mix;
  servers: number;
  sessionsPerServer: number;
  /** pages in all: those that warm the caches, and those measured */
  warmUp: number;
  measured: number;
  seed: number;
}

export interface SessionFigures {
  /** ms, of whole pages */
  percentile90: number;
  /** pages per second */
  throughput: number;
}

/** Stated, as the paper gives none of them but the memory (512 MB) and the LAN (100 Mb/s). */
export const MACHINE: Equipment = {
  cacheBytes: 400e6,
  diskMs: 10,
  diskMsPerKb: 0.05,
  cpuMs: 0.5,
  cpuMsPerKb: 0.01,
  linkBytesPerMs: 12_500,
};

export const SITE = { pages: 2000, cpuMs: 100, diskMs: 40, mostObjects: 50, mostBytes: 2e6 };

/** A page of the site: its kind, and the lengths of it and of what is embedded in it. */
interface SitePage {
  path: string;
  kind: 'static' | 'cpu' | 'disk';
  bytes: number[];
}

const OBJECTS = 64; // targets kept for each page

function buildSite(mix: Mix, random: Random): SitePage[] {
  return Array.from({ length: SITE.pages }, (_, index) => {
    const drawn = random.fraction();
    const kind = drawn < mix.cpu ? 'cpu' : drawn < mix.cpu + mix.disk ? 'disk' : 'static';
    const objects = Math.min(SITE.mostObjects, Math.round(WORKLOAD.objectsPerPage(random)));
    const bytes = [
      WORKLOAD.htmlBytes(random),
      ...Array.from({ length: objects }, () => WORKLOAD.objectBytes(random)),
    ].map((length) => Math.min(SITE.mostBytes, Math.ceil(length)));
    return { path: `/${kind}/${index}`, kind, bytes };
  });
}

export const CLASSES = ['/cpu/*', '/disk/*'];

/** Sessions that follow each other for ever, so that so many are there at any time. */
class Sessions {
  private readonly plan: SessionPlan;
  private readonly scheduler = new Scheduler();
  private readonly random: Random;
  private readonly site: SitePage[];
  private readonly popularity = zipfSums(SITE.pages, 1);
  private readonly keys: number[];
  private readonly servers: SimulatedServer[];
  private readonly usable: Uint8Array;
  private readonly dispatcher;
  private readonly tookMs: Float64Array;
  private finished = 0;
  private sinceMs = 0;

  constructor(plan: SessionPlan, choice: PoolChoice) {
    this.plan = plan;
    this.random = new Random(plan.seed);
    this.site = buildSite(plan.mix, this.random.fork());
    this.dispatcher = dispatcherOf(plan.servers, choice, this.random.fork());
    this.keys = this.site.map(({ path }) =>
      this.dispatcher.parse(POOL, parseHead(`GET ${path} HTTP/1.1\r\nHost: site\r\n\r\n`)),
    );
    this.servers = Array.from(
      { length: plan.servers },
      () => new SimulatedServer(MACHINE, this.scheduler),
    );
    this.usable = new Uint8Array(plan.servers).fill(1);
    this.tookMs = new Float64Array(plan.measured);
  }

  run(): SessionFigures {
    const { servers, sessionsPerServer, warmUp, measured } = this.plan;
    for (let index = 0; index < servers * sessionsPerServer; index += 1) this.begin();
    this.scheduler.runWhile(() => this.finished >= warmUp + measured, Infinity);
    const tookMs = this.scheduler.nowMs - this.sinceMs;
    return {
      percentile90: quantile(this.tookMs, 0.9),
      throughput: (measured * 1000) / tookMs,
    };
  }

  private begin(): void {
    const pages = Math.max(1, Math.round(WORKLOAD.requestsPerSession(this.random)));
    this.think(pages);
  }

  private think(pages: number): void {
    const seconds = WORKLOAD.thinkSeconds(this.random);
    this.scheduler.after(seconds * 1000, () => this.open(pages));
  }

  private open(pages: number): void {
    const index = drawIndex(this.popularity, this.random);
    const { nowMs } = this.scheduler;
    const chosen = this.dispatcher.assign(POOL, this.keys[index]!, this.usable, nowMs);
    const server = this.servers[chosen]!;
    const [first, ...objects] = this.jobs(index);
    let left = objects.length;
    const end = (): void => {
      this.dispatcher.release(chosen);
      this.count(nowMs);
      if (pages > 1) this.think(pages - 1);
      else this.begin();
    };
    server.serve(first!, () => {
      if (left === 0) end();
      for (const job of objects) {
        server.serve(job, () => {
          left -= 1;
          if (left === 0) end();
        });
      }
    });
  }

  private jobs(index: number): Job[] {
    const { kind, bytes } = this.site[index]!;
    return bytes.map((length, at) => {
      const job = { target: index * OBJECTS + at, bytes: length, cpuMs: 0, diskMs: 0 };
      if (at > 0 || kind === 'static') return job;
      const [cpuMs, diskMs] = kind === 'cpu' ? [SITE.cpuMs, 0] : [0, SITE.diskMs];
      return {
        target: -1,
        bytes: length,
        cpuMs: exponential(this.random, cpuMs),
        diskMs: exponential(this.random, diskMs),
      };
    });
  }

  private count(sinceMs: number): void {
    const at = this.finished - this.plan.warmUp;
    this.finished += 1;
    if (at < 0) this.sinceMs = this.scheduler.nowMs;
    else if (at < this.plan.measured) this.tookMs[at] = this.scheduler.nowMs - sinceMs;
  }
}

export function runSessions(plan: SessionPlan, choice: PoolChoice): SessionFigures {
  return new Sessions(plan, choice).run();
}
