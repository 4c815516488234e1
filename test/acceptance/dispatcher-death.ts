// A dispatcher on a host of its own is killed, and started again, under 300 new connections a
// second: no client notices.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { writeKeys } from '../../src/channel/keygen.ts';
import { readSwitchFigures } from '../../src/lab/figures.ts';
import { insideCommand } from '../../src/lab/host-process.ts';
import type { HostProcess } from '../../src/lab/host-process.ts';
import type { Load, LoadPlan } from '../../src/lab/steady-load.ts';
import { withLab, type TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';

/** The router's address on the switch's link: the dispatcher's host. */
const PLACE = '10.80.2.1:7081';
const SECONDS = 12;
const RATE = 300;
const BEFORE_MS = 3000;
const AWAY_MS = 2000;
const DOWNLOADS = { downloads: 0, downloadBytes: 0, downloadRate: 0 };

const report = new Report();

function startDispatcher(lab: TestLab, file: string): HostProcess {
  const baton = fileURLToPath(new URL('./baton.mjs', import.meta.url));
  return lab.startProgram('router', 'dispatcher', [process.execPath, baton, 'run', '-c', file]);
}

async function dispatcherFile(lab: TestLab): Promise<string> {
  await writeKeys(join(lab.directory, 'keys'), ['dispatcher']);
  const { servers, pools } = parse(readFileSync(join(lab.directory, 'switch.yaml'), 'utf8')) as {
    servers: unknown;
    pools: unknown;
  };
  const file = join(lab.directory, 'dispatcher.yaml');
  const tls = { ca: 'keys/ca.pem', cert: 'keys/dispatcher.pem', key: 'keys/dispatcher.key' };
  const own = { name: 'dispatcher', roles: ['dispatcher'], admin: 'dispatcher.sock', tls };
  writeFileSync(file, stringify({ ...own, dispatcher: { listen: PLACE }, servers, pools }));
  return file;
}

async function dispatching(lab: TestLab) {
  return (await readSwitchFigures(lab.directory)).control.dispatching!;
}

async function asked(lab: TestLab, wanted: string): Promise<void> {
  for (let tries = 0; (await dispatching(lab)).dispatcher !== wanted; tries += 1) {
    if (tries === 100) throw new Error(`the switch does not ask "${wanted}"`);
    await sleep(100);
  }
}

async function checkDeath(lab: TestLab): Promise<void> {
  const file = await dispatcherFile(lab);
  const first = startDispatcher(lab, file);
  await asked(lab, 'dispatcher');
  const plan: LoadPlan = {
    address: '192.0.2.80',
    intervalMs: 1000 / RATE,
    seconds: SECONDS,
    ...DOWNLOADS,
  };
  const load = lab.run('client', insideCommand('load', plan));
  await sleep(BEFORE_MS);
  const before = await dispatching(lab);
  first.signal('SIGKILL');
  await asked(lab, '');
  await sleep(AWAY_MS);
  const away = await dispatching(lab);
  startDispatcher(lab, file);
  await asked(lab, 'dispatcher');
  const { stdout, stderr } = await load;
  if (stdout === '') throw new Error(stderr);
  const { visits } = JSON.parse(stdout) as Load;
  const after = await dispatching(lab);
  const failed = visits.filter(({ outcome }) => outcome !== '200');
  const rate = visits.length / SECONDS;
  report.check('about 300 new connections a second', rate >= 250, Math.round(rate));
  report.check('0 failed', failed.length === 0, `${failed.length} ${failed[0]?.outcome ?? ''}`);
  report.check('a dispatcher decided at first', before.decisions > 100, before.decisions);
  report.check('then the switch itself', away.local - before.local > 100, away.local);
  const late = after.decisions - away.decisions;
  report.check('and the dispatcher again, when it was back', late > 100, late);
  const took = Math.max(...visits.map(({ tookMs }) => tookMs));
  report.note(`slowest answer ${took} ms; ${JSON.stringify(after)}`);
}

await report.part('dispatcher-death', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-dispatcher-death-'));
  const config = join(folder, 'over.yaml');
  writeFileSync(config, stringify({ dispatchers: [{ name: 'dispatcher', control: PLACE }] }));
  try {
    await withLab({ servers: 2, config }, checkDeath);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
report.finish();
