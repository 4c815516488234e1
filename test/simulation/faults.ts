import type { Cluster } from './cluster.ts';
import type { DispatcherFault, Fault, Scenario } from './scenario.ts';

/** Sees to it that they begin and end in their time. */
export function planFaults(cluster: Cluster, { faults, dispatcherFaults }: Scenario): void {
  const { clock, monitor } = cluster.world;
  for (const fault of faults) {
    const plan = (atMs: number): void => {
      clock.at(atMs, () => begin(cluster, fault));
      clock.at(atMs + fault.forMs, () => end(cluster, fault));
    };
    const atHandoff = fault.kind === 'restart' ? fault.atHandoff : 0;
    if (atHandoff === 0) plan(fault.atMs);
    else monitor.atHandoff.set(atHandoff, () => plan(clock.nowMs));
  }
  for (const fault of dispatcherFaults) {
    clock.at(fault.atMs, () => beginDispatcher(cluster, fault));
    clock.at(fault.atMs + fault.forMs, () => endDispatcher(cluster, fault));
  }
}

function begin(cluster: Cluster, fault: Fault): void {
  if (fault.kind === 'restart') return cluster.crash();
  const server = cluster.servers[fault.server]!;
  if (fault.kind === 'cut') server.link!.cut();
  else if (server.agent.isRunning()) server.crash();
}

function end(cluster: Cluster, fault: Fault): void {
  if (fault.kind === 'restart') return cluster.restart();
  const server = cluster.servers[fault.server]!;
  if (fault.kind === 'cut') server.link!.heal();
  else if (!server.agent.isRunning()) server.restart();
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
