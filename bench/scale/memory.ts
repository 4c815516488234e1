// Bytes of memory that each connection costs a switch and an agent. Each is measured in a process of its own,
// whose RSS grows by the table and by whatever the control plane keeps.
import { HandedAgent } from './agent.ts';
import { HandedSwitch } from './switch.ts';

const WARM_UP = 3000; // until the compilers are done

/** What a process prints as JSON. */
export interface Cost {
  connections: number;
  /** per connection: growth of the process's RSS, and of what JavaScript has allocated */
  rssBytes: number;
  heapBytes: number;
  perSecond: number;
}

interface Role {
  hand(from: number, to: number): number;
}

const ROLES: Record<string, (count: number) => Promise<Role>> = {
  switch: (count) => HandedSwitch.make(count),
  agent: (count) => HandedAgent.make(count),
};

interface Memory {
  rss: number;
  heap: number;
}

function readMemory(): Memory {
  for (let round = 0; round < 3; round += 1) globalThis.gc!();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

/** Needs --expose-gc. */
export async function measureMemory(role: string, count: number): Promise<Cost> {
  const make = ROLES[role]!;
  const warm = await make(WARM_UP);
  warm.hand(0, WARM_UP);
  const before = readMemory();
  const part = await make(count);
  const begin = performance.now();
  const ready = part.hand(0, count);
  const seconds = (performance.now() - begin) / 1000;
  const after = readMemory();
  if (ready < count * 0.999)
    throw new Error(`bench: ${role}: ${ready} of ${count} were handed over`);
  return {
    connections: ready,
    rssBytes: (after.rss - before.rss) / ready,
    heapBytes: (after.heap - before.heap) / ready,
    perSecond: ready / seconds,
  };
}
