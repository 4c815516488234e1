// The path of `engines`: a sender, a host whose forwarders share it, and a sink that drops. The route of the
// forwarders' host says through which of them the packets go; all stay up.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { insideNamespace } from '../../src/lab/host-process.ts';
import * as namespaces from '../../src/lab/namespaces.ts';
import type { HostPlan, Topology } from '../../src/lab/topology.ts';
import { programFile } from '../../test/support/programs.ts';

export const SERVER = { address: '10.91.0.1', port: '8080' };
export const VIP = '192.0.2.80';
export const SENDER_HOST = 'sender';
export const FORWARDER_HOST = 'forwarder';

function host(name: string, routes: string[]): HostPlan {
  const settings: [string, string][] = ['all', 'default'].map((scope) => [
    `net/ipv4/conf/${scope}/rp_filter`,
    '0',
  ]);
  settings.push(['net/ipv4/ip_forward', '1']);
  return { name, kind: 'router', routes, rules: [], settings };
}

const TOPOLOGY: Topology = {
  hosts: [
    host(SENDER_HOST, [`${VIP} via 10.90.1.1`]),
    host(FORWARDER_HOST, [`${SERVER.address} via 10.90.2.2`]),
    host('sink', [`blackhole ${SERVER.address}`, `blackhole ${VIP}`]),
  ],
  links: [
    {
      ends: [
        { host: SENDER_HOST, device: 'eth0', addresses: ['10.90.1.2/24'] },
        { host: FORWARDER_HOST, device: 'in0', addresses: ['10.90.1.1/24'] },
      ],
    },
    {
      ends: [
        { host: FORWARDER_HOST, device: 'out0', addresses: ['10.90.2.1/24'] },
        { host: 'sink', device: 'eth0', addresses: ['10.90.2.2/24'] },
      ],
    },
  ],
  switches: [],
  bridges: [],
  dispatchers: [],
  front: 'apart',
  servers: [],
  hidden: [],
};

/** Who the packets can go through: a process behind a device of its own, or the kernel (no device). */
export interface Forwarder {
  name: string;
  device?: string;
  child?: ChildProcess;
  /** what the kernel must be told before, and after */
  rules?: [before: string, after: string];
}

export interface Sample {
  /** user + system of the forwarder's process */
  cpuSeconds: number;
  atMs: number;
  forwarded: number;
}

export class Path {
  readonly #labName = namespaces.newLabName();
  readonly #children: ChildProcess[] = [];
  #watched = 0;

  constructor() {
    namespaces.createNamespaces(this.#labName, TOPOLOGY);
  }

  run(hostName: string, cpus: string, command: string[]): ChildProcess {
    const namespace = namespaces.namespaceOf(this.#labName, hostName);
    const [program, ...args] = insideNamespace(namespace, ['taskset', '-c', cpus, ...command]);
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    this.#watched ||= child.pid!;
    return child;
  }

  /** Starts a forwarder's process, which prints "ready". */
  async start(name: string, device: string, cpus: string, command: string[]): Promise<Forwarder> {
    const child = this.run(FORWARDER_HOST, cpus, command);
    const first = String((await once(child.stdout!, 'data'))[0]);
    if (!first.startsWith('ready')) throw new Error(`bench: ${name} said ${first}`);
    this.#ip(`link set ${device} up`);
    return { name, device, child };
  }

  /** An engine of ours, with a table of so many entries. */
  async startEngine(
    engine: string,
    device: string,
    cpus: string,
    { workers, flows }: { workers: number; flows: string[] },
  ): Promise<Forwarder> {
    const to = ['--to', `${SERVER.address}:${SERVER.port}`, '--workers', String(workers)];
    const words = ['--engine', engine, '--device', device, ...flows, ...to];
    return this.start(engine, device, cpus, ['node', programFile('engine-forwarder'), ...words]);
  }

  /** As fast as it goes, until the path ends. */
  startSender(cpu: string, flows: string[]): void {
    const forever = ['--flags', 'ack', '--rate', '0', '--seconds', '3600'];
    this.run(SENDER_HOST, cpu, ['node', programFile('raw-sender'), ...flows, ...forever]);
  }

  /** All packets go that way from now on. */
  choose({ device, rules }: Forwarder): void {
    if (rules) this.#inside(rules[0]);
    this.#ip(`route replace ${VIP} ${device ? `dev ${device}` : 'via 10.90.2.2'}`);
  }

  leave({ rules }: Forwarder): void {
    if (rules) this.#inside(rules[1]);
  }

  #inside(words: string): void {
    const namespace = namespaces.namespaceOf(this.#labName, FORWARDER_HOST);
    const [program, ...args] = insideNamespace(namespace, ['sh', '-ec', words]);
    execFileSync(program!, args);
  }

  #ip(words: string): void {
    const namespace = namespaces.namespaceOf(this.#labName, FORWARDER_HOST);
    execFileSync('ip', ['-n', namespace, ...words.split(' ')]);
  }

  /** /proc shows a process's own namespace: all figures are read at the same moment, without a program. */
  sample({ child }: Forwarder): Sample {
    const devices = readFileSync(`/proc/${this.#watched}/net/dev`, 'utf8').split('\n');
    const out = devices.find((line) => line.trim().startsWith('out0:'))!;
    // after the name 8 columns of receiving, then bytes, packets of sending
    const forwarded = Number(out.split(':')[1]!.trim().split(/\s+/)[9]);
    return { cpuSeconds: child ? cpuSecondsOf(child.pid!) : 0, atMs: performance.now(), forwarded };
  }

  async close(): Promise<void> {
    await Promise.all(this.#children.map(end));
    namespaces.removeNamespaces(this.#labName);
  }
}

function cpuSecondsOf(pid: number): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, ns) => sum + ns, 0) / 1e9;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
