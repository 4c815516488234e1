import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import type { HealthConfig } from '../config/health.ts';
import type { HealthEvent, ProbeEvent, ServerMode } from '../event.ts';
import { probe, type Lead, type Probe } from './health-probe.ts';

/** Tells from single checks whether a server works. The first check decides by itself. */
export class Judge {
  isHealthy = true;
  readonly #rise: number;
  readonly #fall: number;
  #against = 0;
  #isFirst = true;

  constructor({ rise, fall }: Pick<HealthConfig, 'rise' | 'fall'>) {
    this.#rise = rise;
    this.#fall = fall;
  }

  /** True when the server is another than before. */
  take(isGood: boolean): boolean {
    const wanted = this.isHealthy ? this.#fall : this.#rise;
    this.#against = isGood === this.isHealthy ? 0 : this.#against + 1;
    const isOther = this.#against >= (this.#isFirst ? 1 : wanted);
    this.#isFirst = false;
    if (!isOther) return false;
    this.#against = 0;
    this.isHealthy = isGood;
    return true;
  }
}

/** What is checked of one server for one pool. */
interface Subject extends Probe {
  pool: string;
  server: string;
  health: HealthConfig;
}

type Tell = (subject: Subject, isHealthy: boolean, why: string) => void;

class Check {
  readonly subject: Subject;
  readonly #judge: Judge;
  readonly #tell: Tell;
  readonly #lead: Lead;
  #timer: NodeJS.Timeout | undefined;
  /** ends the check under way */
  #abort = new AbortController();
  #hasEnded = false;

  constructor(subject: Subject, tell: Tell, lead: Lead) {
    this.subject = subject;
    this.#tell = tell;
    this.#lead = lead;
    this.#judge = new Judge(subject.health);
    void this.#once();
  }

  get isHealthy(): boolean {
    return this.#judge.isHealthy;
  }

  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #once(): Promise<void> {
    const { intervalMs, timeoutMs } = this.subject.health;
    const abort = new AbortController();
    this.#abort = abort;
    this.#timer = setTimeout(() => abort.abort(), timeoutMs);
    const wrong = await probe(this.subject, abort.signal, this.#lead);
    clearTimeout(this.#timer);
    if (this.#hasEnded) return;
    this.#timer = setTimeout(() => void this.#once(), intervalMs);
    if (this.#judge.take(wrong === undefined))
      this.#tell(this.subject, this.isHealthy, wrong ?? '');
  }
}

/** A VIP whose requests may go to that pool, of the agent's family. */
function vipOf({ services }: Config, pool: string, agent: Uint8Array) {
  for (const { vip, port, protocol, pool: otherwise, rules } of services) {
    const isFor = [otherwise, ...rules.map((rule) => rule.pool)].includes(pool);
    const address = vip.find(({ length }) => length === agent.length);
    if (protocol === 'http' && isFor && address) return { address, port, agent };
  }
  return undefined;
}

function subjectsOf(config: Config): Subject[] {
  const { pools, servers } = config;
  return pools.flatMap(({ name, servers: members, health }) => {
    const { check, port } = health ?? {};
    if (!health || !check) return [];
    return servers
      .filter((server) => members.includes(server.name))
      .map((server) => ({
        pool: name,
        server: server.name,
        health,
        check,
        address: server.agent.address,
        port: port ?? server.port,
        ...(typeof check === 'object' &&
          'handoff' in check &&
          vipOf(config, name, server.agent.address)),
      }));
  });
}

/** Whether some check is a client of the own VIPs. */
export function checksByHandoff({ pools }: Config): boolean {
  return pools.some(({ health }) => {
    return typeof health?.check === 'object' && 'handoff' in health.check;
  });
}

/** The active checks of a switch: one loop for each server of each pool that wants them. */
export class HealthChecks {
  readonly #emit: (event: HealthEvent | ProbeEvent) => void;
  readonly #notice: (text: string) => void;
  readonly #inMaintenance = new Set<string>();
  #config: Config;
  #checks: Check[] = [];

  constructor(
    config: Config,
    emit: (event: HealthEvent | ProbeEvent) => void,
    notice: (text: string) => void,
  ) {
    this.#config = config;
    this.#emit = emit;
    this.#notice = notice;
  }

  /** Begins to check, or goes on with another configuration: what is the same there is not disturbed. */
  configure(config: Config = this.#config): void {
    this.#config = config;
    for (const name of this.#inMaintenance) {
      if (!config.servers.some((server) => server.name === name)) this.#inMaintenance.delete(name);
    }
    const wanted = subjectsOf(config).filter(({ server }) => !this.#inMaintenance.has(server));
    const isWanted = ({ subject }: Check) =>
      wanted.some((each) => isDeepStrictEqual(each, subject));
    const kept = this.#checks.filter(isWanted);
    for (const check of this.#checks.filter((each) => !kept.includes(each))) {
      check.end();
      if (!check.isHealthy) this.#tellPlane(check.subject, true);
    }
    const isNew = (subject: Subject) =>
      !kept.some((check) => isDeepStrictEqual(check.subject, subject));
    const added = wanted.filter(isNew).map((subject) => {
      const { server } = subject;
      const lead: Lead = (client, clientPort, isOver) =>
        this.#emit({ kind: 'probe', client, clientPort, server, isOver });
      return new Check(subject, this.#tell, lead);
    });
    this.#checks = [...kept, ...added];
  }

  setMode(server: string, mode: ServerMode): void {
    if (mode === 'maint') this.#inMaintenance.add(server);
    else this.#inMaintenance.delete(server);
    this.configure();
  }

  stop(): void {
    for (const check of this.#checks) check.end();
    this.#checks = [];
  }

  readonly #tell = (subject: Subject, isHealthy: boolean, why: string): void => {
    const { server, pool } = subject;
    const found = isHealthy ? 'works again' : `does not work (${why})`;
    this.#notice(`health: ${server} ${found}, pool ${pool}`);
    this.#tellPlane(subject, isHealthy);
  };

  #tellPlane({ pool, server }: Subject, healthy: boolean): void {
    this.#emit({ kind: 'health', pool, server, healthy });
  }
}
