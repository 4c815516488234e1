// Makes a planned topology out of network namespaces, with iproute2 alone, and takes it away again.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isIpv6, type HostPlan, type Link, type LinkEnd, type Topology } from './topology.ts';

const RELAYED_QUEUE = 4096;
const ETHERNET_HEADER = 14;
const NAMESPACES = '/run/netns';
/** Files that `ip netns exec` shows in place of those in /etc. */
const OWN_FILES = '/etc/netns';

// The process's start time makes the pid unique: a later process with the same pid is another owner.
const LAB_NAME = /^(baton-lab-(\d+)-(\d+)-[0-9a-f]+)(?:-(.+))?$/;

/** Fresh name for a lab of this process; the lab's namespaces and directory begin with it. */
export function newLabName(): string {
  const suffix = randomBytes(3).toString('hex');
  return `baton-lab-${process.pid}-${startTime(process.pid)}-${suffix}`;
}

export function namespaceOf(labName: string, host: string): string {
  return `${labName}-${host}`;
}

export function namespacePath(namespace: string): string {
  return join(NAMESPACES, namespace);
}

/** Makes all hosts and links of the plan. Throws with the failing command; nothing is undone then. */
export function createNamespaces(labName: string, topology: Topology): void {
  createHosts(labName, topology);
  linkHosts(labName, topology);
}

/** Makes all hosts of the plan. */
export function createHosts(labName: string, topology: Topology): void {
  const name = (host: string) => namespaceOf(labName, host);
  runIp(
    [],
    topology.hosts.map((host) => `netns add ${name(host.name)}`),
  );
  for (const host of topology.hosts) writeSettings(name(host.name), host.settings);
}

/** Two devices in a namespace, which become a link's ends. */
export interface RelayedLink {
  link: Link;
  namespace: string;
  devices: [string, string];
}

/** Links the hosts: the relayed link by the devices given, the others by veth pairs. Throws likewise. */
export function linkHosts(labName: string, topology: Topology, relayed?: RelayedLink): void {
  const name = (host: string) => namespaceOf(labName, host);
  const pairs = topology.links.filter((link) => link !== relayed?.link);
  runIp(
    [],
    pairs.map(
      ({ ends: [one, other] }) =>
        `link add ${one.device} netns ${name(one.host)} type veth ` +
        `peer name ${other.device} netns ${name(other.host)}`,
    ),
  );
  for (const [index, end] of relayed?.link.ends.entries() ?? []) {
    // The relay is the queue that may be full; the device's own must hold a sender's burst.
    const to = `txqueuelen ${RELAYED_QUEUE} name ${end.device} netns ${name(end.host)}`;
    runIp(['-n', relayed!.namespace], [`link set ${relayed!.devices[index]!} ${to}`]);
  }
  for (const { host, device, ports } of topology.bridges) {
    const joined = ports.map((port) => `link set ${port} master ${device}`);
    runIp(['-n', name(host)], [`link add ${device} type bridge`, ...joined]);
  }
  const { links, bridges } = topology;
  const ends = [...links.flatMap((link) => link.ends), ...bridges];
  for (const host of topology.hosts) {
    runIp(['-n', name(host.name)], addressCommands(host.name, ends));
  }
  for (const host of topology.hosts) {
    for (const family of ['-4', '-6']) {
      runIp(['-n', name(host.name), family], pathCommands(host, family === '-6'));
    }
  }
}

function addressCommands(host: string, all: LinkEnd[]): string[] {
  const ends = all.filter((end) => end.host === host);
  const devices = ends.flatMap(({ device, addresses }) => [
    ...addresses.map((address) => {
      return `address add ${address} dev ${device}${isIpv6(address) ? ' nodad' : ''}`;
    }),
    `link set ${device} up`,
  ]);
  return ['link set lo up', ...devices];
}

function pathCommands(host: HostPlan, ipv6: boolean): string[] {
  const ofFamily = (line: string) => isIpv6(line) === ipv6;
  const routes = host.routes.filter(ofFamily).map((route) => `route add ${route}`);
  const rules = host.rules.filter(ofFamily).map((rule) => `rule add ${rule}`);
  // The local table is consulted behind the rules, or they could not hide the host's own addresses.
  const localLast = ['rule add lookup local pref 200', 'rule del pref 0'];
  return [...routes, ...rules, ...(rules.length > 0 ? localLast : [])];
}

function writeSettings(namespace: string, settings: [name: string, value: string][]): void {
  // /proc/sys/net shows the namespace of the process that reads it.
  const script = settings.map(([name, value]) => `echo ${value} > /proc/sys/${name}`).join('\n');
  const command = ['netns', 'exec', namespace, 'sh', '-ec', script];
  const { status, stderr } = spawnIp(command);
  if (status !== 0) throw new Error(`kernel settings of ${namespace}: ${stderr.trim()}`);
}

/** Commands in that namespace ask the name server on its loopback; false where /etc is not ours. */
export function pointToResolver(namespace: string): boolean {
  try {
    mkdirSync(join(OWN_FILES, namespace), { recursive: true });
    writeFileSync(join(OWN_FILES, namespace, 'resolv.conf'), 'nameserver 127.0.0.1\n');
    return true;
  } catch {
    return false;
  }
}

/** Runs `ip` commands as one batch; `options` go before it: a namespace, a family. */
function runIp(options: string[], commands: string[]): void {
  if (commands.length === 0) return;
  const input = commands.join('\n');
  const { status, stderr } = spawnIp([...options, '-batch', '-'], input);
  if (status === 0) return;
  const line = Number(/Command failed -:(\d+)/.exec(stderr)?.[1]);
  const failed = commands[line - 1] ?? input;
  const said = stderr.replace(/Command failed -:\d+/, '').trim();
  throw new Error(`${['ip', ...options, failed].join(' ')}: ${said}${mend(said)}`);
}

function mend(said: string): string {
  return /not permitted|Permission denied/.test(said) ? ' (the lab needs root)' : '';
}

// A session of its own: Ctrl-C at the terminal must not end `ip` in the middle of a tear-down.
function spawnIp(args: string[], input = '') {
  const options = { input, encoding: 'utf8', detached: true } as const;
  const result = spawnSync('ip', args, options);
  if (result.error && 'code' in result.error && result.error.code === 'ENOENT') {
    throw new Error('the lab needs iproute2: apt-get install -y iproute2', { cause: result.error });
  }
  if (result.error) throw result.error;
  return result;
}

/** Kernel counters of a namespace's devices, in packets and bytes (a super-packet counts once). */
export interface DeviceCounters {
  /** bytes of the link's header, which stand in front of each packet and are counted */
  linkHeader: number;
  receivedBytes: number;
  receivedPackets: number;
  sentBytes: number;
  sentPackets: number;
}

export function readCounters(namespace: string): Record<string, DeviceCounters> {
  const { status, stdout, stderr } = spawnIp(['-n', namespace, '-s', '-j', 'link', 'show']);
  if (status !== 0) throw new Error(`counters of ${namespace}: ${stderr.trim()}`);
  const links = JSON.parse(stdout) as {
    ifname: string;
    link_type: string;
    stats64: Record<'rx' | 'tx', { bytes: number; packets: number }>;
  }[];
  return Object.fromEntries(
    links.map(({ ifname, link_type: kind, stats64: { rx, tx } }) => [
      ifname,
      {
        linkHeader: kind === 'ether' ? ETHERNET_HEADER : 0,
        receivedBytes: rx.bytes,
        receivedPackets: rx.packets,
        sentBytes: tx.bytes,
        sentPackets: tx.packets,
      },
    ]),
  );
}

function listNamespaces(): string[] {
  try {
    return readdirSync(NAMESPACES);
  } catch {
    return [];
  }
}

function pidsIn(namespace: string): number[] {
  const { stdout } = spawnIp(['netns', 'pids', namespace]);
  return stdout.split('\n').filter(Boolean).map(Number);
}

/** Ends every process in the lab's namespaces, then removes these. What is gone already is no error. */
export function removeNamespaces(labName: string): void {
  const own = listNamespaces().filter((name) => name.startsWith(`${labName}-`));
  for (const namespace of own) {
    for (const pid of pidsIn(namespace)) killSilently(pid);
  }
  for (const namespace of own) {
    spawnIp(['netns', 'delete', namespace]);
    rmSync(join(OWN_FILES, namespace), { recursive: true, force: true });
  }
}

function killSilently(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself
  }
}

/** Removes namespaces and directories of labs whose process is gone (killed before it could). */
export function removeStaleLabs(): void {
  const names = [...listNamespaces(), ...readdirSync(tmpdir())];
  const dead = new Set<string>();
  for (const name of names) {
    const [, labName, pid, started] = LAB_NAME.exec(name) ?? [];
    if (labName !== undefined && startTime(Number(pid)) !== started) dead.add(labName);
  }
  for (const labName of dead) {
    removeNamespaces(labName);
    try {
      rmSync(join(tmpdir(), labName), { recursive: true, force: true });
    } catch {
      // it is another user's
    }
  }
}

/** Start time of a process in clock ticks since boot; '' when there is no such process. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // field 22; the second, the name in parentheses, may hold spaces
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
