import type { Cluster } from './cluster.ts';
import type { ControlLink } from './control-link.ts';
import type { Fault, SwitchNumber } from './group-faults.ts';
import type { DispatcherFault, Scenario } from './scenario.ts';

/** Sees to it that they begin and end in their time. */
export function planFaults(cluster: Cluster, { faults, dispatcherFaults }: Scenario): void {
  const { clock, monitor } = cluster.world;
  for (const fault of faults) {
    const plan = (atMs: number): void => {
      clock.at(atMs, () => begin(cluster, fault));
      if (fault.forMs < Infinity) clock.at(atMs + fault.forMs, () => end(cluster, fault));
    };
    const { atHandoff = 0 } = fault;
    if (atHandoff === 0) {
      plan(fault.atMs);
      continue;
    }
    const before = monitor.atHandoff.get(atHandoff);
    monitor.atHandoff.set(atHandoff, () => {
      before?.();
      plan(clock.nowMs);
    });
  }
  for (const fault of dispatcherFaults) {
    clock.at(fault.atMs, () => beginDispatcher(cluster, fault));
    clock.at(fault.atMs + fault.forMs, () => endDispatcher(cluster, fault));
  }
}

/** When the last of them is over that ends at all; those of a handoff left out. */
export function lastEndMs(faults: readonly Fault[]): number {
  const ends = faults.map(({ atMs, forMs }) => atMs + forMs);
  return Math.max(0, ...ends.filter((ms) => ms < Infinity));
}

function begin(cluster: Cluster, fault: Fault): void {
  if (fault.kind === 'restart') return switchOf(cluster, fault.of).crash();
  if (fault.kind === 'pause-switch') return switchOf(cluster, fault.of).pause();
  const link = linkOf(cluster, fault);
  if (link) return link.cut('side' in fault ? fault.side : 'both');
  const server = cluster.servers[(fault as { server: number }).server]!;
  if (fault.kind === 'pause') server.pause();
  else if (fault.kind === 'dark') server.cutOff();
  else if (server.agent.isRunning()) server.crash();
}

function end(cluster: Cluster, fault: Fault): void {
  if (fault.kind === 'restart') return switchOf(cluster, fault.of).restart();
  if (fault.kind === 'pause-switch') return switchOf(cluster, fault.of).resume();
  const link = linkOf(cluster, fault);
  if (link) return link.heal();
  const server = cluster.servers[(fault as { server: number }).server]!;
  if (fault.kind === 'pause') server.resume();
  else if (fault.kind === 'dark') server.reconnect();
  else if (!server.agent.isRunning()) server.restart();
}

function switchOf(cluster: Cluster, of: SwitchNumber = 0) {
  return of === 1 ? cluster.second! : cluster;
}

function linkOf({ servers, second }: Cluster, fault: Fault): ControlLink | undefined {
  if (fault.kind === 'cut-peers') return second!.link;
  if (fault.kind !== 'cut') return undefined;
  const { name, link } = servers[fault.server]!;
  return fault.of === 1 ? second!.links.get(name) : link;
}

function beginDispatcher(cluster: Cluster, { kind, dispatcher, byMs }: DispatcherFault): void {
  const host = cluster.dispatchers[dispatcher]!;
  if (kind === 'crash') host.crash();
  else if (kind === 'cut') host.cut();
  else host.slowMs = byMs;
}

function endDispatcher(cluster: Cluster, { kind, dispatcher }: DispatcherFault): void {
  const host = cluster.dispatchers[dispatcher]!;
  if (kind === 'crash') host.restart();
  else if (kind === 'cut') host.heal();
  else host.slowMs = 0;
}
