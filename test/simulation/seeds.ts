import { compileCore } from '../../src/core.ts';
import type { Placement } from './cluster.ts';
import { simulate, type SimulationResult } from './simulation.ts';

export interface SeedsOptions {
  from: number;
  /** at most */
  count: number;
  /** begins no further seed after that time */
  seconds: number;
  stopsAtProblem: boolean;
  placement?: Placement;
}

export interface SeedsReport {
  placement: Placement;
  seeds: number;
  seconds: number;
  failures: SimulationResult[];
  /** sums over all seeds */
  connections: number;
  packets: number;
  handoffs: number;
  requests: SimulationResult['requests'];
  virtualMs: number;
}

/** Runs seeds one after the other. */
export async function runSeeds(options: SeedsOptions): Promise<SeedsReport> {
  const module = await compileCore('single');
  const startedMs = performance.now();
  const placement = options.placement ?? 'single';
  const report: SeedsReport = {
    placement,
    seeds: 0,
    seconds: 0,
    failures: [],
    connections: 0,
    packets: 0,
    handoffs: 0,
    requests: { answered: 0, refused: 0, broken: 0, abandoned: 0, unsent: 0 },
    virtualMs: 0,
  };
  for (let seed = options.from; report.seeds < options.count; seed++) {
    if (performance.now() - startedMs > options.seconds * 1000) break;
    const result = simulate(seed, module, undefined, placement);
    report.seeds += 1;
    report.connections += result.connections;
    report.packets += result.packets;
    report.handoffs += result.handoffs;
    report.virtualMs += result.virtualMs;
    for (const [outcome, count] of Object.entries(result.requests)) {
      report.requests[outcome as keyof SimulationResult['requests']] += count;
    }
    if (result.problems.length === 0) continue;
    report.failures.push(result);
    if (options.stopsAtProblem) break;
  }
  report.seconds = (performance.now() - startedMs) / 1000;
  return report;
}

/** What a person should read about a run of seeds. */
export function describeReport(report: SeedsReport): string {
  const { seeds, seconds, requests } = report;
  const total = Object.values(requests).reduce((sum, count) => sum + count, 0) - requests.unsent;
  const lines = [
    `${seeds} seeds in ${seconds.toFixed(1)} s (${(seeds / seconds).toFixed(1)} per second): ` +
      `${(report.virtualMs / 3_600_000).toFixed(1)} simulated hours, ${report.packets} deliveries, ` +
      `${report.connections} connections, ${report.handoffs} handoffs`,
    `${total} requests: ${requests.answered} answered, ${requests.refused} refused, ` +
      `${requests.broken} broken, ${requests.abandoned} left by their clients`,
  ];
  for (const { seed, problems } of report.failures) {
    lines.push(`seed ${seed}: ${problems.slice(0, 4).join('; ')}`);
    const run = `--seed ${seed} --placement ${report.placement}`;
    lines.push(`  replay: npm run acceptance -- simulation ${run}`);
  }
  return lines.join('\n');
}

/** The bytes of one seed's run as lines, then what was wrong with it. */
export async function replaySeed(
  seed: number,
  say: (line: string) => void,
  placement?: Placement,
): Promise<boolean> {
  const module = await compileCore('single');
  const result = simulate(seed, module, say, placement);
  say(`trace hash ${result.hash}, requests ${JSON.stringify(result.requests)}`);
  for (const problem of result.problems) say(`PROBLEM: ${problem}`);
  return result.problems.length === 0;
}
