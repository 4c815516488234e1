// Equal routes to several switches whose order is changed while connections are open, and who saw what.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { wallMs } from '../../src/clock.ts';
import { VIP4, VIP_PORT } from '../../src/lab/topology.ts';
import type { HostProcess } from '../../src/lab/host-process.ts';
import type { TestLab } from './lab.ts';

const CAPTURE_READY = 'listening on';
const CAPTURE_LIMIT_MS = 5000;

/**
 * The router chooses by a hash of addresses and ports among routes in their order: turned by one, every
 * connection's packets take the next switch.
 */
export async function turnRoutes(lab: TestLab, by: number): Promise<void> {
  const { switches } = lab.topology;
  const [prefix = ''] = switches[0]!.vips;
  const turned = switches.map((_, index) => switches[(index + by) % switches.length]!);
  const hops = turned.flatMap(({ address }) => ['nexthop', 'via', address]);
  const { status, stderr } = await lab.run('router', ['ip', 'route', 'replace', prefix, ...hops]);
  if (status !== 0) throw new Error(`ip route replace: ${stderr}`);
}

/** When routes were turned, ms since 1970: in between a packet may go either way. */
interface Turn {
  fromMs: number;
  toMs: number;
}

/** Turns them so many times. */
export async function reshuffle(lab: TestLab, times: number, everyMs: number): Promise<Turn[]> {
  const turns: Turn[] = [];
  const startMs = wallMs();
  for (let turn = 1; turn <= times; turn += 1) {
    const fromMs = wallMs();
    await turnRoutes(lab, turn);
    turns.push({ fromMs, toMs: wallMs() });
    await sleep(Math.max(0, startMs + turn * everyMs - wallMs()));
  }
  return turns;
}

/** Watches what the router sends to each switch. */
export class Paths {
  readonly #lab: TestLab;
  readonly #captures: { name: string; program: HostProcess }[];

  constructor(lab: TestLab) {
    this.#lab = lab;
    const wanted = `dst host ${VIP4} and tcp dst port ${VIP_PORT}`;
    this.#captures = lab.topology.switches.map(({ name }) => {
      const how = ['-i', name, '-Q', 'out', '-nn', '-tt', '-q', '-l', '-s', '64', wanted];
      return { name, program: lab.startProgram('router', `to-${name}`, ['tcpdump', ...how]) };
    });
  }

  async ready(): Promise<void> {
    for (const { program } of this.#captures) {
      await program.ready(() => program.log().includes(CAPTURE_READY), CAPTURE_LIMIT_MS);
    }
  }

  /**
   * Ends the watch. By the client's port: in how many of the times between two turns each switch, in
   * their order, saw it.
   */
  async stop(turns: readonly Turn[]): Promise<Map<number, number[]>> {
    const seen = new Map<number, Set<number>[]>();
    for (const [index, { name, program }] of this.#captures.entries()) {
      await program.stop();
      const file = join(this.#lab.directory, `router.to-${name}.log`);
      for (const [, time, port] of readFileSync(file, 'utf8').matchAll(
        /^(\S+) IP \S+\.(\d+) >/gm,
      )) {
        const atMs = Number(time) * 1000;
        const phase = turns.findLastIndex(({ fromMs }) => fromMs <= atMs);
        const each = seen.get(Number(port)) ?? this.#captures.map(() => new Set<number>());
        seen.set(Number(port), each);
        if (phase >= 0 && turns[phase]!.toMs <= atMs) each[index]!.add(phase);
      }
    }
    return new Map([...seen].map(([port, each]) => [port, each.map(({ size }) => size)]));
  }
}
