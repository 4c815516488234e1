// Servers leave and come under load, and a new machine takes a dead one's place; the switch runs on.
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../src/clock.ts';
import { sendLoad } from '../../src/lab/send.ts';
import { controlOf } from '../support/co-located.ts';
import { withLab, type TestLab, type TestLabOptions } from '../support/lab.ts';
import { Report } from '../support/report.ts';
import { baton, clients, standing } from '../support/server-commands.ts';

const SECONDS = 14;
const LIVE = 20;
const KEPT = 30;
/** a machine that falls silent is known to be dead by then */
const DETECTION_MS = 3000;
const LAB: Partial<TestLabOptions> = {
  servers: 4,
  spares: 1,
  server: 'nginx',
  policy: 'round-robin',
};
const SPARE = ['servers', 'add', 'server4', '10.80.14.2:7080'];

const report = new Report();

async function replace(lab: TestLab): Promise<void> {
  const live = clients(lab, 'live', LIVE, SECONDS);
  const kept = clients(lab, 'kept', KEPT, SECONDS);
  await sleep(3000);
  const added = await baton(lab, ...SPARE);
  report.check('a server is added', added.status === 0, added.output.split('\n')[0]!);
  await sleep(3000);
  const { handoffs, state } = await standing(lab, 'server4');
  report.check('it is up and gets connections', state === 'up' && handoffs > 10, handoffs);
  const removed = await baton(lab, 'servers', 'remove', 'server1');
  report.check('another is removed', removed.status === 0, removed.output.split('\n')[0]!);
  const given = await givenTo(lab, 'server1');
  await sleep(2000);
  const since = (await givenTo(lab, 'server1')) - given;
  report.check(
    'it gets no connection any more',
    given > 10 && since === 0,
    `${given} and ${since}`,
  );
  const reloaded = await baton(lab, 'reload');
  report.check(
    'a reload brings back what the file has, and keeps what was added',
    reloaded.output.includes('+ servers[server1].name') &&
      reloaded.output.includes('= servers[server4]: added while running'),
    reloaded.output.split('\n').length,
  );
  const again = await baton(lab, 'servers', 'remove', 'server1');
  report.check('it is removed again', again.status === 0);
  for (const [what, ran] of Object.entries({ live: await live, kept: await kept })) {
    const { requests, failed, servers = [] } = ran;
    const passed = requests > 500 && failed.length === 0;
    report.check(`${what}: ${requests} requests, none failed`, passed, failed.slice(0, 3).join());
    const atOld = servers.filter((name) => name === 'server1').length;
    if (what === 'kept') report.check('kept ones were at the removed server', atOld > 0, atOld);
  }
  const { faults } = await lab.stats('switch');
  report.check('no fault in the control plane', faults === 0);
}

/** Handoffs to a server, also to one that was taken out. */
async function givenTo(lab: TestLab, name: string): Promise<number> {
  const { servers } = controlOf(await lab.stats('switch'));
  return servers.find((server) => server.name === name)?.handoffs ?? 0;
}

async function replaceDead(lab: TestLab): Promise<void> {
  const plan = { downloads: 0, downloadBytes: 0, downloadRate: 0 };
  const load = sendLoad(lab, { address: '192.0.2.80', intervalMs: 10, seconds: SECONDS, ...plan });
  await sleep(3000);
  const cutMs = monotonicMs();
  await lab.run('server2', ['ip', 'link', 'set', 'eth0', 'down']);
  await sleep(DETECTION_MS);
  const seen = await standing(lab, 'server2');
  report.check('the dead machine is seen as down', seen.state === 'down', seen.state);
  const added = await baton(lab, ...SPARE);
  const removed = await baton(lab, 'servers', 'remove', 'server2');
  const changedMs = monotonicMs();
  report.check('another takes its place', added.status === 0 && removed.status === 0);
  const { visits } = await load;
  const bad = visits.filter(({ outcome }) => outcome !== '200');
  const late = bad.filter(({ begunMs }) => begunMs > cutMs + DETECTION_MS);
  report.note(`${bad.length} of ${visits.length} requests failed between death and detection`);
  report.check(
    'no other one did',
    bad.every(({ begunMs }) => begunMs > cutMs - 1000),
  );
  const after = visits.filter(({ begunMs }) => begunMs > changedMs).length;
  report.check(
    `${after} requests after it was replaced, none failed after ${DETECTION_MS / 1000} s`,
    after > 300 && late.length === 0,
    late.map(({ outcome }) => outcome).join(),
  );
  const { handoffs } = await standing(lab, 'server4');
  report.check('the new machine has its share', handoffs > after / 6, handoffs);
  const { faults } = await lab.stats('switch');
  report.check('no fault in the control plane', faults === 0);
}

await report.part('a server removed and another added', () => withLab(LAB, replace));
await report.part('a dead machine replaced', () => withLab(LAB, replaceDead));
report.finish();
