// baton against HAProxy and nginx as two-way proxies: all three on the switch's host of one lab, in turn,
// before the same web servers. CPU 0 has the front end and what its host receives, CPU 1 all others.
// node build/bench-proxy.mjs [--rounds N] [--seconds N] [--servers N] [--engine NAME] [--only PART,PART]
//     [--sizes KIB,KIB] [--ways close,keep-alive] [--fronts baton,HAProxy,nginx] [--patience SECONDS]
import { parseArgs } from 'node:util';
import { VIP4 } from '../src/lab/topology.ts';
import type { EngineChoice } from '../src/config/choices.ts';
import { withLab, type TestLab } from '../test/support/lab.ts';
import {
  KIB,
  MIB,
  measure,
  measureIdle,
  patience,
  writeFiles,
  type Idle,
  type Spent,
} from './proxy/load.ts';
import * as place from './proxy/placement.ts';
import { Quota } from './proxy/quota.ts';
import { startRivals, type FrontEnd } from './proxy/rivals.ts';
import { crossover, tell, type Row } from './proxy/tell.ts';
import { median, Sheet } from './report/sheet.ts';

const SIZES = [KIB, 10 * KIB, 100 * KIB, MIB, 10 * MIB];
const FEW_SIZES = [KIB, 100 * KIB, MIB];
/** the front end's share of a CPU in the last part */
const SHARE = 0.02;
const HELD_CONNECTIONS = 64;
const HELD_SECONDS = 4;
const SETTLE_SECONDS = 1;
const WARM_UP_SECONDS = 8;

const PARTS = ['offloads', 'plain', 'segments', 'held'] as const;
type Part = (typeof PARTS)[number];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '1' },
    servers: { type: 'string', default: '2' },
    engine: { type: 'string', default: 'tun' },
    only: { type: 'string', default: PARTS.join(',') },
    sizes: { type: 'string' }, // KiB, in place of each part's own
    ways: { type: 'string', default: 'close,keep-alive' },
    fronts: { type: 'string', default: 'baton,HAProxy,nginx' },
    patience: { type: 'string', default: '90' }, // with other programs of the machine, in all
  },
});
const rounds = Number(values.rounds);
patience.leftMs = 1000 * Number(values.patience);
const seconds = Number(values.seconds);

/** Enough to keep the front end in work, few enough that large objects come to an end. */
function connectionsFor(bytes: number): number {
  if (bytes < 100 * KIB) return 64;
  return bytes < MIB ? 32 : bytes < 10 * MIB ? 16 : 8;
}

const sheet = new Sheet(
  'proxy',
  'baton against HAProxy and nginx as two-way proxies before the same web servers; the front end has a ' +
    'CPU of its own, with what its host receives.',
);

interface Setting {
  lab: TestLab;
  fronts: FrontEnd[];
  idle: Idle;
}

/** Rounds of all front ends in turn. */
async function measureRow(
  { lab, fronts, idle }: Setting,
  what: string,
  bytes: number,
  keepAlive: boolean,
): Promise<Row> {
  const load = { bytes, keepAlive, connections: connectionsFor(bytes), seconds };
  const spent = new Map<FrontEnd, Spent[]>(fronts.map((front) => [front, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const front of fronts) spent.get(front)!.push(await measure(lab, front, load, idle));
  }
  const row = { what, bytes, keepAlive, spent };
  tell(sheet, row);
  return row;
}

async function measureRows(setting: Setting, what: string, usualSizes: number[]): Promise<void> {
  const sizes = values.sizes?.split(',').map((kib) => Number(kib) * KIB) ?? usualSizes;
  for (const keepAlive of [false, true]) {
    if (!values.ways.split(',').includes(keepAlive ? 'keep-alive' : 'close')) continue;
    const rows: Row[] = [];
    for (const bytes of sizes) rows.push(await measureRow(setting, what, bytes, keepAlive));
    if (sizes.length > 1) sheet.note(crossover(rows));
  }
}

/** Reply bytes per second when the front end's program has next to no CPU time. */
async function measureHeld({ lab, fronts, idle }: Setting): Promise<void> {
  const subject = `proxy 1 MiB in ${SHARE} of a CPU, reply MB/s`;
  const load = {
    bytes: MIB,
    keepAlive: true,
    connections: HELD_CONNECTIONS,
    seconds: HELD_SECONDS,
  };
  const speeds: number[] = [];
  for (const front of fronts.filter(({ name }) => name !== 'nginx')) {
    const quota = new Quota(`${lab.name}-${front.name}`, SHARE);
    quota.add(front.pid);
    const samples: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const spent = await measure(lab, front, load, idle);
      samples.push(spent.bytes / spent.seconds / 1e6);
    }
    quota.release(front.pid);
    quota.close();
    sheet.figure({ subject, form: front.name, unit: 'MB/s', samples, ...versionOf(front) });
    speeds.push(median(samples));
  }
  sheet.ratio(subject, speeds[0]! / speeds[1]!, 'at least 5');
}

function versionOf({ version }: FrontEnd): { version?: string } {
  return version === undefined ? {} : { version };
}

/** Until V8 has compiled what it will: some ten thousand connections. The rivals have nothing to compile. */
async function warmUp({ lab, fronts, idle }: Setting): Promise<void> {
  for (const front of fronts) {
    for (const keepAlive of [false, true]) {
      const isSlow = front.name === 'baton' && !keepAlive;
      const load = { bytes: KIB, keepAlive, connections: 64 };
      await measure(lab, front, { ...load, seconds: isSlow ? WARM_UP_SECONDS : seconds }, idle);
    }
  }
}

const MEASURES: Record<Part, (setting: Setting) => Promise<void>> = {
  offloads: (setting) => measureRows(setting, '', SIZES),
  async plain(setting) {
    await place.setOffloads(setting.lab, false);
    await measureRows(setting, 'without offloads, ', FEW_SIZES);
    await place.setOffloads(setting.lab, true);
  },
  async segments(setting) {
    await place.setSegmentsToClient(setting.lab, true);
    await measureRows(setting, 'every second segment acknowledged, ', [MIB]);
    await place.setSegmentsToClient(setting.lab, false);
  },
  held: measureHeld,
};

place.pinToOthers();
const engine = values.engine as EngineChoice;
const servers = Number(values.servers);
await withLab({ servers, server: 'nginx', policy: 'round-robin', engine }, async (lab) => {
  writeFiles(lab, SIZES);
  const rivals = await startRivals(lab);
  const baton = {
    name: 'baton',
    url: `http://${VIP4}`,
    pid: lab.hosts['switch']!.programs['baton']!,
  };
  await place.placeHosts(lab);
  const chosen = values.fronts.split(',');
  const fronts = [baton, ...rivals].filter(({ name }) => chosen.includes(name));
  const setting: Setting = { lab, fronts, idle: { front: 0, others: 0 } };
  await warmUp(setting);
  setting.idle = await measureIdle(SETTLE_SECONDS);
  const { front, others } = setting.idle;
  sheet.note(
    `${rivals.map(({ name, version }) => `${name} ${version}`).join(', ')}; engine ${engine}; ` +
      `idle CPUs are busy ${(100 * front).toFixed(1)} % and ${(100 * others).toFixed(1)} %`,
  );
  for (const part of PARTS)
    if (values.only.split(',').includes(part)) await MEASURES[part](setting);
  if (patience.disturbed.length > 0) {
    const shares = patience.disturbed.map((ms) => `${ms} ms`).join(', ');
    sheet.note(`other programs disturbed ${patience.disturbed.length} runs: they had ${shares}`);
  }
});
sheet.finish();
