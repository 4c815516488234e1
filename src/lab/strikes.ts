// What the lab does to its own parts, so that one can see what holds when they die.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startWords } from '../beside.ts';
import type { Lab } from './cluster.ts';
import { AGENT_PORT, SWITCH_PORT } from './topology.ts';

/** The program that LabOptions.program names, so that the strikes at workers have an effect. */
export const MORTAL_HOST = startWords('lab-mortal');

/** What a signal does to worker 0 of such a host. */
export const WORKER_THROWS = 'SIGUSR2';
export const WORKER_IS_TERMINATED = 'SIGALRM';
export const WORKER_HANGS = 'SIGWINCH';

/** Ends a program at once; in a supervised lab it is started again. */
export function killProgram(lab: Lab, host: string, program: 'baton' | 'web'): void {
  process.kill(lab.hosts[host]!.programs[program]!, 'SIGKILL');
}

/** Makes worker 0 of a host fail; its supervisor replaces it. */
export function strikeWorker(lab: Lab, host: string, signal: NodeJS.Signals): void {
  process.kill(lab.hosts[host]!.programs['baton']!, signal);
}

/** Connections of a host that its workers had locked when they died, as its log tells. */
export function lostWithWorkers(lab: Lab, host: string): number {
  const log = readFileSync(join(lab.directory, `${host}.log`), 'utf8');
  const lost = [...log.matchAll(/was replaced, (\d+) lost/g)];
  return lost.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Takes an agent's control channel away for so long, both ways, and nothing else. */
export async function cutControl(lab: Lab, server: string, ms: number): Promise<void> {
  const { address } = lab.topology.servers.find(({ name }) => name === server)!;
  const ways = [`to ${address} ipproto tcp dport`, `from ${address} ipproto tcp sport`];
  const selectors = ways.map((way) => `${way} ${AGENT_PORT}`);
  await cutWays(
    lab,
    selectors.map((selector) => ({ host: 'router', selector })),
    ms,
  );
}

/** Who dials, and who listens: names of hosts. */
export interface ChannelEnds {
  dialer: string;
  listener: string;
}

/** Takes one control channel of a switch away for so long: nothing reaches that side any more. */
export async function cutChannel(
  lab: Lab,
  { dialer, listener }: ChannelEnds,
  side: 'both' | 'dialer' | 'listener',
  ms: number,
): Promise<void> {
  const { servers, switches } = lab.topology;
  const addressOf = (host: string) => {
    return [...switches, ...servers].find(({ name }) => name === host)!.address;
  };
  const port = servers.some(({ name }) => name === listener) ? AGENT_PORT : SWITCH_PORT;
  const [from, to] = [addressOf(dialer), addressOf(listener)];
  // where it is sent: switches share a segment, and the router sees nothing of what they tell each other
  const ways: Record<string, Way> = {
    listener: { host: dialer, selector: `from ${from} to ${to} ipproto tcp dport ${port}` },
    dialer: { host: listener, selector: `from ${to} to ${from} ipproto tcp sport ${port}` },
  };
  await cutWays(lab, side === 'both' ? Object.values(ways) : [ways[side]!], ms);
}

/** Packets, by the selectors of `ip rule`, and the host that drops them. */
interface Way {
  host: string;
  selector: string;
}

async function cutWays(lab: Lab, ways: readonly Way[], ms: number): Promise<void> {
  for (const action of ['add', 'del']) {
    for (const { host, selector } of ways) {
      const rule = `rule ${action} ${selector} blackhole pref 50`;
      const [program, ...args] = lab.inside(host, ['ip', ...rule.split(' ')]);
      await promisify(execFile)(program!, args);
    }
    if (action === 'add') await sleep(ms);
  }
}

/** Takes a host's link down, for good: nothing reaches it, nothing of it reaches anybody. */
export async function cutOff(lab: Lab, host: string): Promise<void> {
  const [program, ...args] = lab.inside(host, ['ip', 'link', 'set', 'eth0', 'down']);
  await promisify(execFile)(program!, args);
}
