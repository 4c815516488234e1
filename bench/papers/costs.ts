// What a connection costs the switch, measured in this process: the core and the control plane as they are,
// without device, channel and system calls.
import { Random } from '../../src/lab/random.ts';
import { handed } from '../../test/unit/control/client.ts';
import { Rig, testConfig } from '../../test/unit/control/rig.ts';
import type { Page } from './page.ts';
import { RICE, Trace } from './popularity.ts';
import { POOL, dispatcherOf, quantile } from './servers.ts';

export interface CostPlan {
  /** the median of so many counts; as many again go before them */
  rounds: number;
  connections: number;
  decisions: number;
}

/** µs of processor time for each connection. */
export interface Costs {
  handoff: number;
  dispatcher: number;
}

const SERVERS = 4;
const DISPATCHED_SERVERS = 16;
const OPEN = 400;
const LINGER_MS = 70_000;
const PLAN: CostPlan = { rounds: 15, connections: 200, decisions: 100_000 };

/** Of this process's processor time: others on the machine do not count. */
function microseconds(since: NodeJS.CpuUsage, count: number): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / count;
}

/** The median of rounds, when the compiler knows the code. */
function median(rounds: number, measure: () => number): number {
  for (let round = 0; round < rounds; round += 1) measure();
  return quantile(
    new Float64Array(rounds).map(() => measure()),
    0.5,
  );
}

/** SYN, request, handoff, ready, close; with making the client's packets and reading the switch's. */
async function measureHandoff({ rounds, connections }: CostPlan): Promise<number> {
  const config = testConfig(SERVERS);
  config.switch!.connections = 4 * connections;
  for (const pool of config.pools) pool.policy = 'lard';
  const rig = await Rig.make(config);
  for (let server = 1; server <= SERVERS; server += 1) rig.up(server);
  return median(rounds, () => {
    const since = process.cpuUsage();
    for (let index = 0; index < connections; index += 1) {
      const { handoff, server } = handed(rig, { port: 10_000 + index });
      rig.message(server, { type: 'ready', id: handoff.id });
      rig.message(server, { type: 'close', id: handoff.id, tuple: handoff.tuple });
      rig.take();
      rig.messages = [];
    }
    const took = microseconds(since, connections);
    rig.wait(LINGER_MS);
    return took;
  });
}

/** LARD's choice and the end of a connection, with so many open; targets as in the Rice-like trace. */
function measureDispatcher({ rounds, decisions }: CostPlan): number {
  const random = new Random(1);
  const trace = new Trace(RICE, 1);
  const hashes = Uint32Array.from({ length: RICE.targets }, () => random.next());
  const targets = new Uint32Array(decisions).map(() => hashes[trace.draw(random)]!);
  const dispatcher = dispatcherOf(DISPATCHED_SERVERS, { policy: 'lard' }, random.fork());
  const usable = new Uint8Array(DISPATCHED_SERVERS).fill(1);
  const open = new Int32Array(OPEN).fill(-1);
  return median(rounds, () => {
    const since = process.cpuUsage();
    for (let index = 0; index < decisions; index += 1) {
      const at = index % OPEN;
      if (open[at]! >= 0) dispatcher.release(open[at]!);
      open[at] = dispatcher.assign(POOL, targets[index]!, usable, index);
    }
    return microseconds(since, decisions);
  });
}

export async function measureCosts(plan = PLAN): Promise<Costs> {
  return { handoff: await measureHandoff(plan), dispatcher: measureDispatcher(plan) };
}

export function costPage({ handoff, dispatcher }: Costs): Page {
  const paper = { setUp: '300 MHz Pentium II, FreeBSD 2.2.6 (Aron et al. 2000, section 4)' };
  return {
    title: 'Cost of a connection: handoff and dispatcher',
    text: [
      'Measured, not simulated: the switch of the unit tests, in one process, on the machine that runs ' +
        'this. It is the real core and the real control plane, without device, channel, TLS and system ' +
        "calls, and without the agent; making the client's packets and reading the switch's is in it. The " +
        'paper measured a whole kernel, so the figures stand beside each other and compare no machines. ' +
        "What can be compared is the paper's point: the dispatcher is a small part.",
    ],
    figures: [
      {
        ...paper,
        what: 'distributor, each connection by handoff',
        paper: 'about 300 µs',
        ours: `${handoff.toFixed(1)} µs`,
        why: 'no input and output in ours, another machine',
      },
      {
        ...paper,
        what: 'dispatcher, LARD',
        paper: '0.8 µs',
        ours: `${dispatcher.toFixed(3)} µs, ${DISPATCHED_SERVERS} servers, with the end of a connection`,
        why: 'another machine',
      },
      {
        ...paper,
        what: 'distributor over dispatcher',
        paper: '375 (computed from the two)',
        ours: (handoff / dispatcher).toFixed(0),
        why: 'input and output would add to the first',
      },
    ],
    tables: [],
    plots: [],
  };
}
