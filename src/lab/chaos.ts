// `baton lab --chaos`: parts of the cluster die at random while clients come and go; then a verdict.
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../clock.ts';
import type { Lab } from './cluster.ts';
import { reachedHosts, readStats } from './figures.ts';
import { Narrator } from './narrator.ts';
import { Random } from './random.ts';
import { sendLoad } from './send.ts';
import type { Load, Visit } from './steady-load.ts';
import * as strikes from './strikes.ts';
import { VIP4 } from './topology.ts';

export interface ChaosPlan {
  seconds: number;
  /** of what dies and when */
  seed: number;
}

/** An outage: something was struck, and everything worked again. */
interface Outage {
  what: string;
  fromMs: number;
  /** Infinity: it did not come back */
  untilMs: number;
  /** the server whose connections may end with it */
  breaks: string | null;
}

/** A part and how it dies; resolves when it works again, rejects when it does not. */
interface Mortal {
  /** two strikes never meet at the same one */
  part: string;
  what: string;
  breaks: string | null;
  strike: () => Promise<void>;
}

const LOAD = {
  address: VIP4,
  intervalMs: 100,
  downloads: 4,
  downloadBytes: 6e6,
  downloadRate: 2e6,
};
/** A connection that was begun in one outage has its answer by then. */
const ANSWER_LIMIT_MS = 5000;
const FIRST_STRIKE_MS = 1000;
const BETWEEN_MS = [300, 2500] as const;
const CUT_MS = [200, 3500] as const;
/** What came back is left alone for a while: who dies all the time is restarted ever later. */
const REST_MS = 3500;
const RETURN_LIMIT_MS = 20_000;
const POLL_MS = 50;
const ALL_AGENTS_CHANCE = 0.1;
/** Between a strike and the moment at which the last of its packets is gone. */
const ECHO_MS = 500;

/** Returns how many things were not as they should be. */
export async function runChaos(lab: Lab, plan: ChaosPlan, signal: AbortSignal): Promise<number> {
  const narrator = new Narrator();
  narrator.title(`Chaos for ${plan.seconds} s, seed ${plan.seed}`);
  const chaos = new Chaos(lab, new Random(plan.seed), narrator);
  const coming = sendLoad(lab, { ...LOAD, seconds: plan.seconds });
  await chaos.rage(plan.seconds * 1000, signal);
  judge(await coming, await chaos.outages(), lostConnections(lab), narrator);
  return narrator.conclude();
}

class Chaos {
  readonly #random: Random;
  readonly #narrator: Narrator;
  readonly #mortals: Mortal[];
  readonly #outages: Promise<Outage>[] = [];
  /** by part: when it may be struck again */
  readonly #restUntilMs = new Map<string, number>();

  constructor(lab: Lab, random: Random, narrator: Narrator) {
    this.#random = random;
    this.#narrator = narrator;
    this.#mortals = listMortals(lab, random);
  }

  outages(): Promise<Outage[]> {
    return Promise.all(this.#outages);
  }

  async rage(forMs: number, signal: AbortSignal): Promise<void> {
    const untilMs = monotonicMs() + forMs;
    await sleep(FIRST_STRIKE_MS);
    while (monotonicMs() < untilMs) {
      signal.throwIfAborted();
      // the numbers drawn do not depend on what time has made of the former ones
      const [all, choice] = [this.#random.chance(ALL_AGENTS_CHANCE), this.#random.fraction()];
      const pause = this.#random.between(...BETWEEN_MS);
      if (all) this.#strikeAllAgents();
      else this.#strikeOne(choice);
      await sleep(pause);
    }
  }

  #isWell({ part }: Mortal): boolean {
    return monotonicMs() >= (this.#restUntilMs.get(part) ?? 0);
  }

  #strikeOne(choice: number): void {
    const well = this.#mortals.filter((mortal) => this.#isWell(mortal));
    const mortal = well[Math.floor(choice * well.length)];
    if (mortal) this.#strike(mortal);
  }

  #strikeAllAgents(): void {
    const agents = this.#mortals.filter(({ what }) => what.endsWith('agent is killed'));
    if (agents.every((mortal) => this.#isWell(mortal))) agents.forEach((it) => this.#strike(it));
  }

  #strike({ part, what, breaks, strike }: Mortal): void {
    const fromMs = monotonicMs();
    this.#restUntilMs.set(part, Infinity);
    this.#narrator.line(what);
    const outage = strike().then(
      () => {
        const untilMs = monotonicMs();
        this.#restUntilMs.set(part, untilMs + REST_MS);
        return { what, fromMs, untilMs, breaks };
      },
      (error: Error) => {
        this.#narrator.line(`${what}: ${error.message}`);
        return { what, fromMs, untilMs: Infinity, breaks };
      },
    );
    this.#outages.push(outage);
  }
}

function listMortals(lab: Lab, random: Random): Mortal[] {
  const names = lab.topology.servers.map(({ name }) => name);
  const killed = (host: string, what: string): Mortal => ({
    part: host,
    what: `${what} is killed`,
    breaks: null,
    strike: async () => {
      const isBack = comesBack(lab, host, 'baton');
      strikes.killProgram(lab, host, 'baton');
      await until(async () => isBack() && (await isWhole(lab)));
    },
  });
  const web = (host: string): Mortal => ({
    part: `${host} web`,
    what: `${host}'s web server is killed`,
    breaks: host,
    strike: async () => {
      const isBack = comesBack(lab, host, 'web');
      strikes.killProgram(lab, host, 'web');
      await until(() => isBack() && lab.isServing(host));
    },
  });
  const cut = (server: string): Mortal => ({
    part: server,
    what: `${server}'s control channel is cut`,
    breaks: null,
    strike: async () => {
      await strikes.cutControl(lab, server, random.between(...CUT_MS));
      await until(() => isWhole(lab));
    },
  });
  return [
    killed('switch', 'the switch'),
    ...names.map((name) => killed(name, `${name}'s agent`)),
    ...names.map(web),
    ...names.map(cut),
    ...['switch', ...names].flatMap((host) => workerDeaths(lab, host)),
  ];
}

const WORKER_DEATHS = [
  ['throws', strikes.WORKER_THROWS],
  ['is terminated', strikes.WORKER_IS_TERMINATED],
  ['hangs', strikes.WORKER_HANGS],
] as const;

function workerDeaths(lab: Lab, host: string): Mortal[] {
  const replaced = async () => (await readStats(lab.directory, host)).parts[0]!.replacedThreads;
  return WORKER_DEATHS.map(([dies, signal]) => ({
    part: host,
    what: `a worker of ${host} ${dies}`,
    breaks: null,
    strike: async () => {
      const before = await replaced();
      strikes.strikeWorker(lab, host, signal);
      await until(async () => (await replaced()) > before);
    },
  }));
}

/** Whether another process runs in place of the present one. */
function comesBack(lab: Lab, host: string, program: 'baton' | 'web'): () => boolean {
  const { programs } = lab.hosts[host]!;
  const pid = programs[program];
  return () => programs[program] !== pid;
}

async function isWhole(lab: Lab): Promise<boolean> {
  const reached = await reachedHosts(lab.directory, 'switch');
  return lab.topology.servers.every(({ name }) => reached.includes(name));
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const lastMs = monotonicMs() + RETURN_LIMIT_MS;
  while (!(await holds())) {
    if (monotonicMs() > lastMs) throw new Error(`not back after ${RETURN_LIMIT_MS} ms`);
    await sleep(POLL_MS);
  }
}

/** Connections of all hosts. */
function lostConnections(lab: Lab): number {
  const hosts = ['switch', ...lab.topology.servers.map(({ name }) => name)];
  return hosts.reduce((sum, host) => sum + strikes.lostWithWorkers(lab, host), 0);
}

function judge(load: Load, outages: Outage[], lost: number, narrator: Narrator): void {
  const { visits, downloads } = load;
  const back = outages.filter(({ untilMs }) => untilMs !== Infinity);
  const longest = Math.round(Math.max(0, ...back.map(({ fromMs, untilMs }) => untilMs - fromMs)));
  narrator.check(
    'all that died came back',
    outages.length > 0 && back.length === outages.length,
    `${back.length} of ${outages.length}, the slowest after ${longest} ms`,
  );
  checkWhole(narrator, 'every visit got its answer', visits, outages, lost);
  checkWhole(narrator, 'every download is whole', downloads, outages, lost);
  const single = visits.filter((visit) => during(visit, outages).length <= 1);
  const slowest = Math.max(...single.map(({ tookMs }) => tookMs));
  const ofAll = Math.max(...visits.map(({ tookMs }) => tookMs));
  narrator.check(
    `visits in one outage within ${ANSWER_LIMIT_MS / 1000} s`,
    single.length > 0 && slowest <= ANSWER_LIMIT_MS,
    `${slowest} ms; in several ${ofAll} ms`,
  );
}

function during({ begunMs, tookMs }: Visit, outages: Outage[]): Outage[] {
  const endMs = begunMs + tookMs;
  return outages.filter(({ fromMs, untilMs }) => fromMs <= endMs && untilMs >= begunMs);
}

/**
 * Whoever was begun when a web server died may have been with it. `lost`: connections that a worker took
 * with it.
 */
function checkWhole(
  narrator: Narrator,
  what: string,
  visits: Visit[],
  outages: Outage[],
  lost: number,
): void {
  const mayBreak = ({ begunMs, tookMs, server, outcome }: Visit) =>
    outages.some(({ breaks, fromMs }) => {
      const isItsServer = breaks !== null && (server === '' || server === breaks);
      return (
        isItsServer &&
        outcome !== '503' &&
        fromMs >= begunMs &&
        fromMs <= begunMs + tookMs + ECHO_MS
      );
    });
  const broken = visits.filter(({ outcome }) => outcome !== '200');
  const wrong = broken.filter((visit) => !mayBreak(visit));
  for (const visit of wrong) {
    const around = during(visit, outages).map((outage) => {
      const at = Math.round(outage.fromMs - visit.begunMs);
      const ms = Math.round(outage.untilMs - outage.fromMs);
      return `${outage.what} at ${at} ms for ${ms} ms`;
    });
    const at = `${visit.server || 'nobody'}: ${visit.outcome} after ${visit.tookMs} ms`;
    narrator.line(`  ${at}; ${around.join(', ')}`);
  }
  const excused = broken.length - wrong.length;
  narrator.check(
    what,
    visits.length > 0 && wrong.length <= lost,
    `${visits.length - broken.length} of ${visits.length}, ${excused} died with their web server, ` +
      `${lost} with a worker`,
  );
}
