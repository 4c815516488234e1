// What many connections cost: memory at switch and agent, new ones per second, nanoseconds per packet, and
// the sweep. The connections are made by the packets of clients and the messages of a handoff, over the
// memory device; 15,000 real ones stand in the lab.
// node build/bench-scale.mjs [--connections N] [--agent N] [--real N]
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createLoad } from './core/load.ts';
import { measurePasses } from './core/pass.ts';
import { minimum, Sheet } from './report/sheet.ts';
import { measureMemory, type Cost } from './scale/memory.ts';
import { measureReal } from './scale/real.ts';
import { HandedSwitch } from './scale/switch.ts';

const FEW = 1000;
const LOAD_SIZES = [1000, 10_000, 100_000, 1_000_000];
const PACKETS = 500_000;
const ROUNDS = 4;
const CLOSED = 100_000;
const IDLE_MS = 3_600_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    connections: { type: 'string', default: '1000000' },
    agent: { type: 'string', default: '200000' },
    real: { type: 'string', default: '15000' },
  },
});
const count = Number(values.connections);
const [ownRole] = positionals;

/** In a process of its own, which has nothing else in its memory. */
function costOf(role: string, connections: number): Cost {
  const file = fileURLToPath(import.meta.url);
  const words = ['--expose-gc', '--enable-source-maps', file, role, '--connections'];
  const text = execFileSync(process.execPath, [...words, String(connections)], {
    encoding: 'utf8',
  });
  return JSON.parse(text) as Cost;
}

function showCost(sheet: Sheet, role: string, connections: number, asked?: string): void {
  const { rssBytes, heapBytes, perSecond } = costOf(role, connections);
  const subject = `bytes per connection at the ${role}`;
  const unit = 'bytes';
  sheet.figure({ subject, form: 'growth of RSS', unit, samples: [rssBytes] });
  sheet.figure({ subject, form: 'of JavaScript', unit, samples: [heapBytes] });
  sheet.ratio(subject, rssBytes, asked);
  sheet.figure({
    subject: `new connections at the ${role}, all on one thread`,
    form: 'baton',
    unit: 'connections/s',
    samples: [perSecond],
  });
  sheet.note(
    `${role}: ${perSecond.toFixed(0)} new connections/s of one thread, ${connections} open`,
  );
}

/** Cost per packet as the table grows; the minimum with FEW connections. */
async function showGrowth(sheet: Sheet): Promise<number> {
  let least = 0;
  for (const connections of LOAD_SIZES) {
    const load = await createLoad({ family: 4, connections, order: 'uniform', packets: PACKETS });
    const rounds = Array.from({ length: ROUNDS }, () => measurePasses(load)).slice(1);
    if (connections === FEW) least = minimum(rounds);
    const subject = `packets, ${connections} connections`;
    sheet.figure({ subject, form: 'core', unit: 'ns/packet', samples: rounds });
    sheet.ratio(subject, minimum(rounds) / least);
  }
  return least;
}

function showSweep(sheet: Sheet, what: string, us: Float64Array): void {
  const subject = `sweep, ${what}`;
  const at = (share: number): number => us[Math.floor((us.length - 1) * share)]!;
  const unit = 'us of own CPU time/call';
  for (const [form, share] of Object.entries({ median: 0.5, p99: 0.99, most: 1 })) {
    sheet.figure({ subject, form, unit, samples: [at(share)] });
  }
  sheet.ratio(subject, at(0.99), 'at most 100');
}

async function showTable(sheet: Sheet, least: number): Promise<void> {
  const handed = await HandedSwitch.make(count, true);
  handed.hand(0, count);
  const rounds = handed.measurePackets();
  const subject = `packets, ${count} connections handed over`;
  sheet.figure({ subject, form: 'core', unit: 'ns/packet', samples: rounds });
  sheet.ratio(subject, minimum(rounds) / least, 'at most 4');
  showSweep(sheet, 'all in use', handed.sweep(IDLE_MS));
  showSweep(sheet, 'all idle for too long', handed.sweep(0));
  handed.close(Math.min(CLOSED, count));
  showSweep(sheet, `${Math.min(CLOSED, count)} are over`, handed.sweep(IDLE_MS));
}

async function compare(): Promise<void> {
  const about = 'Memory, packets, new connections and expiry with very many connections.';
  const sheet = new Sheet('scale', about);
  showCost(sheet, 'switch', count, 'at most 160');
  showCost(sheet, 'agent', Number(values.agent));
  await showTable(sheet, await showGrowth(sheet));
  await measureReal(sheet, Number(values.real));
  sheet.finish();
}

if (ownRole === undefined) await compare();
else console.log(JSON.stringify(await measureMemory(ownRole, count)));
