import { STATE_CLOSED } from '../../assembly/layout.ts';
import { COOKIE_EPOCH_MS } from '../../src/control/switch/cookie-keys.ts';
import { Random } from '../../src/lab/random.ts';
import { Cluster, type Placement } from './cluster.ts';
import { ODD, vipsOf } from './configs.ts';
import { SECOND } from './second-switch.ts';
import { ClientConnection, type ConnectionPlan, type Outcome } from './http/client.ts';
import { describeDelivery } from './describe.ts';
import { lastEndMs, planFaults } from './faults.ts';
import { Journal, ServerApplication } from './http/server.ts';
import { connectionMistakes } from './judge.ts';
import { Monitor } from './monitor.ts';
import { placed } from './placements.ts';
import { Network, parseAddress } from './network.ts';
import { drawScenario } from './scenario.ts';
import type { ClientPlan, Scenario } from './scenario.ts';
import { Scheduler } from './scheduler.ts';
import { countingMistakes, emptinessMistakes, entriesByState } from './tables.ts';
import { Kernel } from './tcp/kernel.ts';
import { Trace } from './trace.ts';

export interface SimulationResult {
  seed: number;
  /** what is wrong; empty = the run is good */
  problems: string[];
  hash: string;
  requests: Record<Outcome, number>;
  connections: number;
  handoffs: number;
  packets: number;
  virtualMs: number;
}

const START_MS = 1000;
/** No run may need longer until all clients are done. */
const LIMIT_MS = 400_000;
/** Server kernels end their last retransmissions, agents and switch expire what vanished. */
const SETTLE_LIMIT_MS = 1_000_000;
/** From the end of the last socket until switch and agents know. */
const CLOSE_LIMIT_MS = 30_000; // a kept copy of a bare ACK is gathered for 20 s
const LONGEST_STALE_MS = 5000;
const SETTLE_MS = LONGEST_STALE_MS + 3000;
const SWEEP_MS = 6000;
const DRAINS_WITHIN_MS = 4000;
const DRAIN_MS = 3000;
const PLACING = 0x70_6c_61_63;
const COOKIE_LIFE_MS = 3 * COOKIE_EPOCH_MS;

class Run {
  readonly scenario: Scenario;
  readonly clock = new Scheduler(START_MS);
  readonly trace = new Trace();
  readonly monitor = new Monitor();
  readonly journal = new Journal();
  readonly problems: string[] = [];
  readonly cluster: Cluster;
  readonly network: Network;
  readonly clients: { kernel: Kernel; connections: ClientConnection[]; hasVanished: boolean }[] =
    [];
  private over = 0;
  private readonly random: Random;

  constructor(seed: number, module: WebAssembly.Module, placement: Placement) {
    this.random = new Random(seed);
    const drawn = drawScenario(this.random.fork());
    // what is drawn for one switch stays as it is
    this.scenario = placed(drawn, placement, new Random(seed ^ PLACING));
    this.network = new Network(this.clock, this.random.fork(), this.trace);
    const { clock, trace, monitor, network } = this;
    const world = { clock, trace, monitor, network, module, random: this.random.fork() };
    // long enough that a table without linger would have forgotten the connection
    network.staleMs = Math.min(LONGEST_STALE_MS, this.scenario.cluster.timing.lingerMs!) - 100;
    // acknowledgments overtake a request that is being read
    const { isSteeringLoose, requests } = this.scenario.cluster;
    monitor.isOfGroup = placement === 'group';
    monitor.keepsOrder = !monitor.isOfGroup && !isSteeringLoose && requests === 'per-connection';
    this.cluster = new Cluster(world, this.scenario.cluster);
    this.cluster.servers.forEach((server, index) => {
      const options = this.scenario.applications[index];
      if (!options) return;
      const random = this.random.fork();
      new ServerApplication(server.name, server.kernel, random, this.journal, options);
    });
    this.scenario.clients.forEach((plan, index) => this.addClient(plan, index));
    planFaults(this.cluster, this.scenario);
    if (requests === 'per-request') this.planDrain(seed);
  }

  /** By the seed alone: what is drawn for it stays as it is. The server that is drained is ready again. */
  private planDrain(seed: number): void {
    // some requests may go nowhere else than to the odd one
    const servers = this.cluster.servers.filter(({ name }) => name !== ODD);
    if (servers.length < 2) return;
    const server = servers[seed % servers.length]!.name;
    const atMs = START_MS + 200 + ((seed * 37) % DRAINS_WITHIN_MS);
    this.clock.at(atMs, () => this.setMode(server, 'drain'));
    this.clock.at(atMs + DRAIN_MS, () => this.setMode(server, 'ready'));
  }

  private setMode(server: string, mode: 'drain' | 'ready'): void {
    for (const machine of this.cookieMakers()) {
      if (machine.isRunning()) machine.receive({ kind: 'mode', server, mode, moves: true });
    }
  }

  private addClient(plan: ClientPlan, index: number): void {
    const text = plan.family === 4 ? `10.80.1.${index + 2}` : `fd80:1::${index + 2}`;
    const place = this.network.attach(`client${index}`, plan.link);
    this.network.route(text, place);
    const send = (packet: Uint8Array): void => this.network.send(place, packet);
    const kernel = new Kernel(this.clock, this.random.fork(), send, plan.kernel);
    place.receive = (packet) => kernel.receive(packet);
    const client = { kernel, connections: [] as ClientConnection[], hasVanished: false };
    const vanish = (): void => {
      client.hasVanished = true;
      place.isUp = false;
      kernel.stop();
    };
    const [four, six] = vipsOf(index % 2 === 0 ? 'switch' : SECOND, this.scenario.cluster);
    const remote = parseAddress(plan.family === 4 ? four : six);
    for (const connection of plan.connections) {
      const whole: ConnectionPlan = {
        ...connection,
        ends: {
          local: parseAddress(text),
          localPort: connection.port,
          remote,
          remotePort: 80,
        },
      };
      client.connections.push(new ClientConnection(kernel, whole, vanish, () => (this.over += 1)));
    }
    this.clients.push(client);
  }

  run(): void {
    const total = this.clients.reduce((sum, { connections }) => sum + connections.length, 0);
    this.cluster.start();
    const areDone = this.clock.runWhile(() => this.over === total, START_MS + LIMIT_MS);
    if (!areDone) this.problems.push(`${total - this.over} clients are not done`);
    // what the network keeps of a client that has gone may still begin something
    this.clock.runUntil(Math.max(this.clock.nowMs, lastEndMs(this.scenario.faults)) + SETTLE_MS);
    this.settle(SETTLE_LIMIT_MS, () => this.areKernelsQuiet());
    // without a vanished client or a lost RST nothing waits for the idle timeout
    const leavesTraces = ({ plan }: ClientConnection): boolean => plan.ending !== 'close';
    const isPolite = !this.clients.some(({ connections }) => connections.some(leavesTraces));
    this.settle(this.scenario.isCalm && isPolite ? CLOSE_LIMIT_MS : SETTLE_LIMIT_MS, () =>
      this.areTablesQuiet(),
    );
    for (const { name, view } of this.machines()) {
      for (const [state, count] of entriesByState(view)) {
        if (state !== STATE_CLOSED) {
          this.problems.push(`${name}: ${count} entries still open (state ${state})`);
        }
      }
    }
    this.clock.runUntil(this.clock.nowMs + this.scenario.cluster.timing.lingerMs! + SWEEP_MS);
    // a connection that may have been served stays known until its cookie is no longer valid
    if (this.cookieMakers().some(({ view }) => entriesByState(view).size > 0)) {
      this.clock.runUntil(this.clock.nowMs + COOKIE_LIFE_MS);
    }
    this.judge();
  }

  private settle(limitMs: number, isQuiet: () => boolean): void {
    const untilMs = this.clock.nowMs + limitMs;
    while (this.clock.nowMs < untilMs && !isQuiet()) this.clock.runUntil(this.clock.nowMs + 500);
  }

  private areKernelsQuiet(): boolean {
    if (this.clients.some(({ kernel }) => kernel.openSockets > 0)) return false;
    return !this.cluster.servers.some(({ kernel }) => kernel.openSockets > 0);
  }

  /** What the machines hold is over. */
  private areTablesQuiet(): boolean {
    return this.machines().every(({ view }) =>
      [...entriesByState(view).keys()].every((state) => state === STATE_CLOSED),
    );
  }

  private machines() {
    const agents = this.cluster.servers.map(({ agent }) => agent);
    return [...this.cookieMakers(), ...agents].filter((machine) => machine.isRunning());
  }

  /** Those that keep what a valid cookie could bring back. */
  private cookieMakers() {
    const { servers, second } = this.cluster;
    return [
      this.cluster.switch,
      ...(second ? [second.machine] : []),
      ...servers.flatMap(({ distributor }) => distributor?.machine ?? []),
    ];
  }

  private judge(): void {
    const { problems, journal, monitor } = this;
    problems.push(...monitor.problems, ...journal.problems);
    for (const dispatcher of this.cluster.dispatchers) problems.push(...dispatcher.mistakes());
    for (const { name, view } of this.machines()) {
      problems.push(...countingMistakes(view, name), ...emptinessMistakes(view, name));
    }
    const kernels = [
      ...this.clients.map(({ kernel }) => kernel),
      ...this.cluster.servers.map(({ kernel }) => kernel),
    ];
    const sum = (count: (kernel: Kernel) => number): number =>
      kernels.reduce((total, kernel) => total + count(kernel), 0);
    const strange: [number, string][] = [
      [sum(({ checksumErrors }) => checksumErrors), 'packets had wrong checksums'],
      [sum(({ strangeSacks }) => strangeSacks), 'SACK blocks told of bytes that were never sent'],
      [sum(({ strangeEchoes }) => strangeEchoes), 'echoed timestamps were never sent'],
      [sum(({ overruns }) => overruns), 'segments went beyond the promised window'],
    ];
    for (const [count, what] of strange) if (count > 0) problems.push(`${count} ${what}`);
    for (const { connections, hasVanished } of this.clients) {
      for (const one of connections) {
        problems.push(...connectionMistakes(one, hasVanished, this.scenario, journal));
      }
    }
  }
}

/** One run of a seed: everything in it is a function of the seed and of the program. */
export function simulate(
  seed: number,
  module: WebAssembly.Module,
  watch?: (line: string) => void,
  placement: Placement = 'single',
): SimulationResult {
  const run = new Run(seed, module, placement);
  if (watch) {
    watch(JSON.stringify(run.scenario, undefined, 1));
    const names = run.network.names;
    run.trace.watch = (nowMs, receiver, bytes) =>
      watch(describeDelivery(nowMs, receiver, bytes, names));
  }
  try {
    run.run();
  } catch (error) {
    run.problems.push(`the run stopped: ${error instanceof Error ? error.stack : String(error)}`);
  }
  const requests = { answered: 0, refused: 0, broken: 0, abandoned: 0, unsent: 0 };
  let connections = 0;
  for (const client of run.clients) {
    for (const connection of client.connections) {
      connections += 1;
      for (const outcome of connection.outcomes) requests[outcome] += 1;
    }
  }
  return {
    seed,
    problems: run.problems,
    hash: run.trace.hash(),
    requests,
    connections,
    handoffs: run.monitor.handoffs,
    packets: run.trace.delivered,
    virtualMs: run.clock.nowMs,
  };
}
