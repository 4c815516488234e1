// What the lab reads from the switch's admin socket.
import { askAdmin } from '../admin/client.ts';
import type { PartView, StatsView } from '../admin/views.ts';
import type { WebSwitch } from '../control/switch/web-switch.ts';
import { adminSocket } from './cluster-config.ts';

type ControlFigures = ReturnType<WebSwitch['stats']>;

export interface SwitchFigures {
  received: number;
  forwarded: number;
  answered: number;
  bytesForwarded: number;
  /** entries in the table */
  connections: number;
  control: ControlFigures;
}

export function readStats(directory: string, host: string): Promise<StatsView> {
  return askAdmin<StatsView>(adminSocket(directory, host), '/stats');
}

export async function readSwitchFigures(
  directory: string,
  host = 'switch',
): Promise<SwitchFigures> {
  const stats = await readStats(directory, host);
  const part = stats.parts.find(({ role }) => role === 'switch') as PartView;
  const { counters } = part.total;
  return {
    received: counters['received'] ?? 0,
    forwarded: counters['forwarded'] ?? 0,
    answered: counters['answered'] ?? 0,
    bytesForwarded: counters['bytesForwarded'] ?? 0,
    connections: part.table.used,
    control: part.control as ControlFigures,
  };
}

/** Names of the hosts that a switch has channels to; none when the switch does not answer yet. */
export async function reachedHosts(directory: string, host: string): Promise<string[]> {
  try {
    const { parts } = await readStats(directory, host);
    const part = parts.find(({ role }) => role === 'switch');
    const channels = (part?.channels ?? {}) as Record<string, { up: boolean }>;
    return Object.entries(channels).flatMap(([name, { up }]) => (up ? [name] : []));
  } catch {
    return [];
  }
}

/** Handoffs within a time: the histogram's limit below which that share of all lies, e.g. `2 ms`. */
export function handoffWithin(histogram: ControlFigures['handoffMs'], share: number): string {
  const { counts, limits } = histogram;
  const total = counts.reduce((sum, times) => sum + times, 0);
  let seen = 0;
  for (const [index, times] of counts.entries()) {
    seen += times;
    if (seen < share * total) continue;
    const limit = limits[index];
    return limit === undefined ? `more than ${limits.at(-1)} ms` : `${limit} ms`;
  }
  return '?';
}
