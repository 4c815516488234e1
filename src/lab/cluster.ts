// A running lab: namespaces, web servers, switch and agents. What it starts, it ends.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWords } from '../beside.ts';
import type { Front } from '../config/choices.ts';
import { writeKeys } from '../channel/keygen.ts';
import {
  adminSocket,
  peersOf,
  writeConfigurations,
  type ClusterOptions,
} from './cluster-config.ts';
import { reachedHosts } from './figures.ts';
import { HostProcess, insideCommand, insideNamespace } from './host-process.ts';
import * as namespaces from './namespaces.ts';
import { NEXT_HOP_TAKEN, nextHopCommand, requireKeepalived } from './next-hop.ts';
import { RESOLVER_READY, type ResolverPlan } from './resolver.ts';
import { Supervisor } from './supervisor.ts';
import { planTopology, VIP4, VIP6, VIP_PORT } from './topology.ts';
import type { HostPlan, ServerPlan, SwitchPlan, Topology } from './topology.ts';
import { RELAY_READY, type RelayPlan } from './relay.ts';
import type { LinkConditions } from './wire.ts';
import * as web from './web-servers.ts';

// A program that cannot start says so and ends; this is for one that hangs, on a machine that is busy.
const READY_LIMIT_MS = 30_000;

export interface LabOptions extends ClusterOptions {
  servers: number;
  /** default 1 */
  switches?: number | undefined;
  /** how several switches are reached; apart when omitted */
  front?: Front | undefined;
  server: web.WebServer;
  /** programs of single servers, in their order, where they are not `server` */
  serverKinds?: web.WebServer[] | undefined;
  /** so many of the servers, the last ones, have no agent; default 0 */
  splice?: number | undefined;
  /** false: hosts and web servers only, no switch and no agents */
  switching: boolean;
  /** what the link between client and router does to packets; undefined: a good link */
  hostile?: (LinkConditions & { seed: number }) | undefined;
  /** words that start a program with the same arguments, in place of this one */
  program?: readonly string[] | undefined;
  /** what dies is started again */
  supervised?: boolean | undefined;
  signal?: AbortSignal;
}

/** A host as `hosts.json` describes it. */
export interface LabHost {
  name: string;
  namespace: string;
  /** a process in the namespace that lives as long as the lab */
  pid: number;
  addresses: string[];
  /** device -> its addresses */
  interfaces: Record<string, string[]>;
  /** the programs that the lab runs there: `baton`, `web` */
  programs: Record<string, number>;
}

export class Lab {
  readonly name = namespaces.newLabName();
  readonly directory = join(tmpdir(), this.name);
  readonly topology: Topology;
  readonly hosts: Record<string, LabHost> = {};
  private readonly options: LabOptions;
  private processes: HostProcess[] = [];
  private readonly supervisor: Supervisor | undefined;
  private readonly onExit = () => this.stopAtOnce();

  constructor(options: LabOptions) {
    this.options = options;
    const dispatcher = options.switching && options.placement === 'multiple';
    const { servers, switches, front, splice: spliced } = options;
    this.topology = planTopology(servers, switches, { front, dispatcher, spliced });
    const notice = (text: string) => console.error(`baton: lab: ${text}`);
    if (options.supervised) this.supervisor = new Supervisor(notice);
  }

  namespaceOf(host: string): string {
    return namespaces.namespaceOf(this.name, host);
  }

  /** Whether a server's web server can be reached there. */
  isServing(server: string): boolean {
    return web.isListening(this.hosts[server]!.pid);
  }

  get hasSwitch(): boolean {
    return this.options.switching;
  }

  /** What a command in the client's namespace gets to know. */
  get environment(): Record<string, string> {
    return {
      BATON_VIP: VIP4,
      BATON_VIP6: VIP6,
      BATON_PORT: String(VIP_PORT),
      BATON_URL: `http://${VIP4}`,
      BATON_ADMIN: adminSocket(this.directory, 'switch'),
      BATON_LAB: this.directory,
    };
  }

  /** The words that run a command in a host's namespace. */
  inside(host: string, command: string[]): string[] {
    return insideNamespace(this.namespaceOf(host), command);
  }

  counters(host: string): Record<string, namespaces.DeviceCounters> {
    return namespaces.readCounters(this.namespaceOf(host));
  }

  /** Makes everything and waits until it works. After a failure stop() must still be called. */
  async start(): Promise<void> {
    const { server, serverKinds = [], switching } = this.options;
    const kinds = [server, ...serverKinds];
    for (const kind of kinds) web.requireWebServer(kind);
    const isSpare = switching && this.topology.front === 'spare';
    if (isSpare) requireKeepalived();
    namespaces.removeStaleLabs();
    process.once('exit', this.onExit);
    mkdirSync(this.directory, { mode: 0o755 });
    namespaces.createHosts(this.name, this.topology);
    namespaces.linkHosts(this.name, this.topology, await this.startRelay());
    // here alone: the library of system calls takes its time to load
    if (this.options.engine === 'xdp')
      (await import('./offloads.ts')).offloadNoLink(this.name, this.topology);
    if (kinds.some((kind) => kind !== 'echo')) web.writeDocumentRoot(this.directory);
    if (kinds.includes('nginx')) await this.makeKeys(web.WEB_KEYS, this.topology.servers);
    if (switching) await this.configure();
    for (const host of this.topology.hosts) this.hosts[host.name] = this.startHolder(host);
    await Promise.all(this.topology.servers.map((server) => this.startServer(server)));
    if (switching) await this.startSwitches();
    if (isSpare) await this.startNextHop();
    await this.startResolver();
    this.writeHosts();
  }

  private async startSwitches(): Promise<void> {
    const { dispatchers, switches } = this.topology;
    for (const { name } of dispatchers) await this.startBaton(name);
    await Promise.all(switches.map((plan) => this.startSwitch(plan)));
  }

  /** The first switch has it first. */
  private async startNextHop(): Promise<void> {
    for (const [index, plan] of this.topology.switches.entries()) {
      const command = nextHopCommand(this.directory, plan, index);
      const program = this.startProgram(plan.name, 'keepalived', command);
      const isReady = () => index > 0 || program.log().includes(NEXT_HOP_TAKEN);
      await program.ready(isReady, READY_LIMIT_MS, this.options.signal);
    }
  }

  /** One name for the VIPs of all switches, told in turn. */
  private async startResolver(): Promise<void> {
    const { switches, front } = this.topology;
    if (front !== 'apart' || switches.length === 1) return;
    if (!namespaces.pointToResolver(this.namespaceOf('client'))) return;
    const plan: ResolverPlan = { addresses: switches.flatMap(({ vip, vip6 }) => [vip, vip6]) };
    const program = this.startProgram('client', 'resolver', insideCommand('resolver', plan));
    const isReady = () => program.log().includes(RESOLVER_READY);
    await program.ready(isReady, READY_LIMIT_MS, this.options.signal);
  }

  private async configure(): Promise<void> {
    const { switches, dispatchers, servers } = this.topology;
    await this.makeKeys('keys', [...switches, ...dispatchers, ...servers]);
    writeConfigurations(this.directory, this.topology, this.options);
  }

  private async makeKeys(folder: string, hosts: { name: string }[]): Promise<void> {
    const names = hosts.map(({ name }) => name);
    await writeKeys(join(this.directory, folder), names);
  }

  /** The bad link between client and router, when there is to be one. */
  private async startRelay(): Promise<namespaces.RelayedLink | undefined> {
    const { hostile, signal } = this.options;
    if (hostile === undefined) return undefined;
    const devices: [string, string] = ['relay0', 'relay1'];
    const plan: RelayPlan = { ...hostile, devices };
    const relay = this.startProgram('router', 'relay', insideCommand('relay', plan));
    await relay.ready(() => relay.log().includes(RELAY_READY), READY_LIMIT_MS, signal);
    const link = this.topology.links.find(({ ends: [end] }) => end.host === 'client')!;
    return { link, namespace: this.namespaceOf('router'), devices };
  }

  // Keeps a pid in the namespace for `nsenter -t PID -n`, whatever else is stopped there.
  private startHolder(host: HostPlan): LabHost {
    const holder = this.startProgram(host.name, 'holder', ['sleep', 'infinity']);
    const ends = this.topology.links.flatMap(({ ends }) => ends);
    const own = ends.filter((end) => end.host === host.name);
    return {
      name: host.name,
      namespace: namespaces.namespacePath(this.namespaceOf(host.name)),
      pid: holder.pid,
      addresses: own.flatMap((end) => plain(end.addresses)),
      interfaces: Object.fromEntries(own.map((end) => [end.device, plain(end.addresses)])),
      programs: {},
    };
  }

  private async startServer(server: ServerPlan): Promise<void> {
    const { signal, switching, serverKinds } = this.options;
    const kind = serverKinds?.[this.topology.servers.indexOf(server)] ?? this.options.server;
    const namespace = this.namespaceOf(server.name);
    const program = this.runAs(server.name, 'web', () =>
      web.startWebServer(kind, server, namespace, this.directory, this.options.proxy),
    );
    await program.ready(() => web.isListening(program.pid), READY_LIMIT_MS, signal);
    if (switching && !server.isSpliced) await this.startBaton(server.name);
  }

  /** A program that belongs to the cluster: when it dies the supervisor starts it again. */
  private runAs(host: string, name: 'baton' | 'web', start: () => HostProcess): HostProcess {
    const again = () => {
      const program = start();
      this.processes = [...this.processes.filter((process) => !process.hasEnded), program];
      this.hosts[host]!.programs[name] = program.pid;
      return program;
    };
    const program = again();
    this.supervisor?.watch(program, again);
    return program;
  }

  /** Ready when the switch reaches every server's agent, and the other switches of its group. */
  private async startSwitch({ name }: SwitchPlan): Promise<void> {
    const baton = await this.startBaton(name);
    const { servers } = this.topology;
    const own = servers.slice(0, servers.length - (this.options.spares ?? 0));
    const wanted = [...own, ...peersOf(name, this.topology, this.options)];
    const isConnected = async () => {
      const reached = await reachedHosts(this.directory, name);
      return wanted.every((host) => reached.includes(host.name));
    };
    await baton.ready(isConnected, READY_LIMIT_MS, this.options.signal);
  }

  /** Starts a program on a host; it ends with the lab. Its output goes to `directory`/HOST.TITLE.log. */
  startProgram(host: string, title: string, command: string[]): HostProcess {
    const program = new HostProcess({
      title: `${title} of ${host}`,
      namespace: this.namespaceOf(host),
      command,
      logFile: join(this.directory, `${host}.${title}.log`),
    });
    this.processes.push(program);
    return program;
  }

  /** Starts the program with that host's configuration; for tests also after they ended it. */
  async startBaton(host: string): Promise<HostProcess> {
    const config = join(this.directory, `${host}.yaml`);
    const command = this.options.program ?? startWords('baton');
    const plan = {
      title: `baton of ${host}`,
      namespace: this.namespaceOf(host),
      command: [...command, 'run', '-c', config],
      logFile: join(this.directory, `${host}.log`),
    };
    const baton = this.runAs(host, 'baton', () => new HostProcess(plan));
    const line = `baton: ${host} ready`;
    await baton.ready(() => baton.log().includes(line), READY_LIMIT_MS, this.options.signal);
    return baton;
  }

  private writeHosts(): void {
    writeFileSync(join(this.directory, 'hosts.json'), JSON.stringify(this.hosts, undefined, 2));
  }

  /** Ends everything and removes all traces; the directory is moved to `keptAs` instead when asked. */
  async stop(keptAs?: string): Promise<void> {
    this.supervisor?.stop();
    // the switch and the agents first: a web server that goes away under them is no event to report
    await Promise.all(this.processes.toReversed().map((process) => process.stop()));
    namespaces.removeNamespaces(this.name);
    if (keptAs !== undefined) renameSync(this.directory, keptAs);
    else rmSync(this.directory, { recursive: true, force: true });
    process.off('exit', this.onExit);
  }

  private stopAtOnce(): void {
    this.supervisor?.stop();
    for (const process of this.processes) process.signal('SIGKILL');
    namespaces.removeNamespaces(this.name);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function plain(addresses: string[]): string[] {
  return addresses.map((text) => text.replace(/\/\d+$/, ''));
}
