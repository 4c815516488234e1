// A whole catalogue: through the core and through a lab. What it finds comes case by case.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import type { WebServer } from '../../src/lab/web-servers.ts';
import { VIP4, VIP6, VIP_PORT } from '../../src/lab/topology.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLab } from '../support/lab.ts';
import type { TestLab } from '../support/lab.ts';
import { poolsOf } from './catalogue.ts';
import type { Case, Catalogue, Finding, PacketCase, PoolRule } from './catalogue.ts';
import { CoreWire } from './core-wire.ts';
import { PacketRun } from './packet-case.ts';
import { runUnitCase } from './unit-case.ts';
import { programFile } from '../support/programs.ts';

/** How each web server reads a path. */
const PATHS: Record<string, string> = {
  echo: 'raw',
  nginx: 'merge-slashes',
  apache: 'merge-slashes',
  haproxy: 'raw',
};
const LAB_LIMIT_MS = 180_000;

async function throughCore(one: PacketCase, catalogue: Catalogue): Promise<string[]> {
  try {
    return await new PacketRun(one, await CoreWire.make(), catalogue).run();
  } catch (error) {
    return [(error as Error).stack ?? String(error)];
  }
}

/** Packets and units, without any network. */
export async function runInProcess(catalogue: Catalogue, cases: Case[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const one of cases) {
    if (one.kind === 'unit') {
      findings.push({ id: one.id, through: 'core', problems: runUnitCase(one) });
    }
    if (one.kind !== 'packets') continue;
    const problems = await throughCore(one, catalogue);
    findings.push({ id: one.id, through: 'core', problems });
  }
  return findings;
}

/** One server for each pool, with these rules. */
function labConfig(rules: PoolRule[], server: WebServer): string {
  const names = poolsOf(rules);
  const pools = names.map((name, index) => ({ name, servers: [`server${index + 1}`] }));
  const service = {
    name: 'web',
    vip: [VIP4, VIP6],
    port: VIP_PORT,
    pool: rules.find((rule) => rule.default)?.pool ?? names[0],
    paths: PATHS[server],
    rules: rules
      .filter((rule) => !rule.default)
      .map(({ host, path_prefix, pool }) => ({
        match: { ...(host && { host }), ...(path_prefix && { path: `${path_prefix}*` }) },
        pool,
      })),
  };
  return stringify({ pools, services: [service] });
}

interface LabRun {
  rules: PoolRule[];
  server: WebServer;
  /** what runs in the client's host: build/programs-NAME.mjs */
  program: string;
  /** `pools`: server -> its pool */
  args: (lab: TestLab, pools: Record<string, string>) => string[];
}

/** The lines that a program says in the client's host of a lab with a server for each pool. */
async function inLab({ rules, server, program, args }: LabRun): Promise<string[]> {
  const names = poolsOf(rules);
  const pools = Object.fromEntries(names.map((pool, index) => [`server${index + 1}`, pool]));
  const folder = mkdtempSync(join(tmpdir(), 'baton-cases-'));
  const config = join(folder, 'overlay.yaml');
  writeFileSync(config, labConfig(rules, server));
  const inside = programFile(program);
  try {
    return await withLab({ servers: names.length, server, config }, async (lab) => {
      const command = [process.execPath, '--enable-source-maps', inside, ...args(lab, pools)];
      const run = await lab.run('client', command, { timeout: LAB_LIMIT_MS });
      if (run.status !== 0) throw new Error(`${program}: exit ${run.status}\n${run.stderr}`);
      return run.stdout.trim().split('\n').filter(Boolean);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Packets and requests through a lab of its own. */
export async function runThroughLab(
  catalogue: Catalogue,
  file: string,
  cases: Case[],
  server: WebServer,
): Promise<Finding[]> {
  const ids = cases.map(({ id }) => id);
  const lines = await inLab({
    rules: catalogue.rules,
    server,
    program: 'cases-inside',
    args: (lab, pools) => {
      const admin = lab.environment['BATON_ADMIN'];
      return [resolve(file), JSON.stringify({ admin, pools, ids, through: server })];
    },
  });
  return lines.map((line) => JSON.parse(line) as Finding);
}

export interface SegmentationSeen {
  rounds: number;
  served: number;
  problems: string[];
}

/** Requests in pieces (pieces.ts), against servers of one kind. */
export async function segmentsThroughLab(
  server: WebServer,
  rounds: number,
): Promise<SegmentationSeen> {
  const rules: PoolRule[] = [
    { path_prefix: '/admin', pool: 'admin' },
    { path_prefix: '/img/', pool: 'img' },
    { default: true, pool: 'web' },
  ];
  const lines = await inLab({
    rules,
    server,
    program: 'segmentation-inside',
    args: (_, pools) => [String(rounds), JSON.stringify(pools)],
  });
  return JSON.parse(lines.at(-1) ?? '{}') as SegmentationSeen;
}
