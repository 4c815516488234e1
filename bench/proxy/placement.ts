// Which CPU does what: the front end, with what it receives, has one, all other hosts have the other.
import { execFileSync } from 'node:child_process';
import type { TestLab } from '../../test/support/lab.ts';

export const FRONT_CPU = 0;
export const OTHER_CPU = 1;

/** This process and all that it starts from now on. */
export function pinToOthers(): void {
  pin(process.pid, OTHER_CPU);
}

export function pin(pid: number, cpu: number): void {
  execFileSync('taskset', ['-a', '-c', '-p', String(cpu), String(pid)]);
}

/** Processes of a host, with the children that they have. */
async function processesOf(lab: TestLab, host: string): Promise<number[]> {
  const list = execFileSync('ip', ['netns', 'pids', lab.namespaceOf(host)], { encoding: 'utf8' });
  return list.split('\n').filter(Boolean).map(Number);
}

/**
 * A veth delivers on the sender's CPU. The kernel's receive packet steering gives each packet to the CPU of
 * the host that receives it, so that the front end's share of the network's work is done where it is counted.
 */
export async function placeHosts(lab: TestLab): Promise<void> {
  for (const pid of await processesOf(lab, 'switch')) pin(pid, FRONT_CPU);
  for (const { name } of lab.topology.hosts) {
    const mask = (1 << (name === 'switch' ? FRONT_CPU : OTHER_CPU)).toString(16);
    const script = `for queue in /sys/class/net/*/queues/rx-*/rps_cpus; do
      echo ${mask} > $queue; done`;
    await runOn(lab, name, script);
  }
}

async function runOn(lab: TestLab, host: string, script: string): Promise<void> {
  const { status, stderr } = await lab.run(host, ['sh', '-ec', script]);
  if (status !== 0) throw new Error(`bench: ${host}: ${stderr}`);
}

/** Checksums and segmentation left to whoever receives, or not, on all links. */
export async function setOffloads(lab: TestLab, on: boolean): Promise<void> {
  const state = on ? 'on' : 'off';
  for (const { ends } of lab.topology.links) {
    for (const { host, device } of ends) {
      await runOn(lab, host, `ethtool -K ${device} tx ${state} tso ${state} gso ${state}`);
    }
  }
}

/**
 * The client gets segments of a packet each, whatever else the links do, and acknowledges every second one
 * then: as one does behind a network card without receive offload.
 */
export async function setSegmentsToClient(lab: TestLab, single: boolean): Promise<void> {
  const limit = single ? 1 : 65535;
  await runOn(lab, 'router', `ip link set client gso_max_segs ${limit}`);
}
