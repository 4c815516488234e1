// A server is drained under load: nobody notices, nothing new gets there, it ends when empty.
import { setTimeout as sleep } from 'node:timers/promises';
import { withLab, type TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';
import { baton, clients, standing } from '../support/server-commands.ts';

const SECONDS = 12;
const LIVE = 20;
const KEPT = 60;

const report = new Report();

async function drain(lab: TestLab): Promise<void> {
  const live = clients(lab, 'live', LIVE, 2 * SECONDS);
  const kept = clients(lab, 'kept', KEPT, SECONDS);
  await sleep(3000);
  const hurried = await baton(lab, 'servers', 'drain', 'server1', '--timeout', '1');
  const before = await standing(lab, 'server1');
  report.check(
    'after its timeout the command ends with status 1 and the number that is left',
    hurried.status === 1 && hurried.output === `server1 has ${before.active} connections still\n`,
    hurried.output.trim(),
  );
  const had = before.active;
  report.check('it has kept connections, and is drained', had > 0 && before.state === 'drain', had);
  const done = await baton(lab, 'servers', 'drain', 'server1', '--timeout', '60');
  const after = await standing(lab, 'server1');
  report.check('it ends when the server is empty', done.status === 0, done.output.trim());
  report.check('no connection is left', after.active === 0, after.active);
  report.check(
    'no new connection got there',
    after.handoffs === before.handoffs,
    `${before.handoffs} handoffs before, ${after.handoffs} after`,
  );
  const others = await Promise.all(['server2', 'server3'].map((name) => standing(lab, name)));
  report.note(`the others took ${others.map(({ handoffs }) => handoffs).join(' and ')}`);
  const ready = await baton(lab, 'servers', 'ready', 'server1');
  await sleep(1000);
  const again = (await standing(lab, 'server1')).handoffs - after.handoffs;
  report.check('ready brings it back', ready.status === 0 && again > 0, `${again} handoffs`);
  for (const [what, ran] of Object.entries({ live: await live, kept: await kept })) {
    const { requests, failed } = ran;
    const passed = requests > 500 && failed.length === 0;
    report.check(`${what}: ${requests} requests, none failed`, passed, failed.slice(0, 3).join());
  }
  const { faults } = await lab.stats('switch');
  report.check('no fault in the control plane', faults === 0);
}

await report.part('drain without moves', () =>
  withLab({ servers: 3, server: 'nginx', policy: 'round-robin' }, drain),
);
report.finish();
