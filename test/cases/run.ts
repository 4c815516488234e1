// A whole catalogue: through the core and through a lab. What it finds comes case by case.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { WebServer } from '../../src/lab/web-servers.ts';
import { VIP4, VIP6, VIP_PORT } from '../../src/lab/topology.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLab } from '../support/lab.ts';
import { poolsOf } from './catalogue.ts';
import type { Case, Catalogue, Finding, PacketCase } from './catalogue.ts';
import { CoreWire } from './core-wire.ts';
import { PacketRun } from './packet-case.ts';
import { runUnitCase } from './unit-case.ts';

/** How each web server reads a path. */
const PATHS: Record<string, string> = {
  echo: 'raw',
  nginx: 'merge-slashes',
  apache: 'merge-slashes',
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

/** One server for each pool, with the catalogue's rules. */
function labConfig(catalogue: Catalogue, server: WebServer): string {
  const names = poolsOf(catalogue.rules);
  const pools = names.map((name, index) => ({ name, servers: [`server${index + 1}`] }));
  const rules = catalogue.rules
    .filter((rule) => !rule.default)
    .map(({ host, path_prefix, pool }) => ({
      match: { ...(host && { host }), ...(path_prefix && { path: `${path_prefix}*` }) },
      pool,
    }));
  const service = {
    name: 'web',
    vip: [VIP4, VIP6],
    port: VIP_PORT,
    pool: catalogue.rules.find((rule) => rule.default)?.pool ?? names[0],
    paths: PATHS[server],
    rules,
  };
  return stringify({ pools, services: [service] });
}

/** Packets and requests through a lab of its own. */
export async function runThroughLab(
  catalogue: Catalogue,
  file: string,
  cases: Case[],
  server: WebServer,
): Promise<Finding[]> {
  const pools = poolsOf(catalogue.rules);
  const folder = mkdtempSync(join(tmpdir(), 'baton-cases-'));
  const config = join(folder, 'overlay.yaml');
  writeFileSync(config, labConfig(catalogue, server));
  const inside = fileURLToPath(new URL('./programs-cases-inside.mjs', import.meta.url));
  try {
    return await withLab({ servers: pools.length, server, config }, async (lab) => {
      const plan = {
        admin: lab.environment['BATON_ADMIN'],
        pools: Object.fromEntries(pools.map((pool, index) => [`server${index + 1}`, pool])),
        ids: cases.map(({ id }) => id),
        through: server,
      };
      const command = [process.execPath, '--enable-source-maps', inside];
      const run = await lab.run('client', [...command, resolve(file), JSON.stringify(plan)], {
        timeout: LAB_LIMIT_MS,
      });
      if (run.status !== 0) throw new Error(`cases: exit ${run.status}\n${run.stderr}`);
      return run.stdout
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Finding);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
