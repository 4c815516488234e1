// A server is drained under load: nobody notices, nothing new gets there, it ends when empty. With --move its
// idle connections leave at once, the busy ones behind their response.
import { setTimeout as sleep } from 'node:timers/promises';
import { drainUnderLoad } from '../support/drain.ts';
import { withLab, type TestLab } from '../support/lab.ts';
import { rebalanced } from '../support/rebalance.ts';
import { Report } from '../support/report.ts';
import { baton, clients, standing } from '../support/server-commands.ts';

const SECONDS = 12;
const LIVE = 20;
const KEPT = 60;
/** with --move */
const IDLE = 500;
const BUSY = 50;
const EMPTY_MS = 2000;
/** shared anew */
const LONG = 100;

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
await report.part('drain with moves', async () => {
  const plan = { idle: IDLE, busy: BUSY, busyMs: 5000, pauseMs: 12_000 };
  const drained = await drainUnderLoad(plan);
  const { faults, before, idleLeftMs, emptyMs, reopened, answeredThere, parked } = drained;
  report.check(
    `${IDLE} idle and ${BUSY} busy connections: no client sees an error`,
    faults.length === 0,
    faults.slice(0, 5).join('; ') || '0 errors',
  );
  report.check('the server had a third of them', before > (IDLE + BUSY) / 4, before);
  report.check(
    'its idle connections leave while others are busy',
    idleLeftMs < 2000 && parked >= before / 2,
    `${Math.round(idleLeftMs)} ms, ${parked} parked`,
  );
  report.check(
    'it has none 2 s after its last busy request has ended',
    emptyMs <= EMPTY_MS,
    `${Math.round(emptyMs)} ms`,
  );
  report.check('no client opened another connection', reopened === 0, reopened);
  report.check('all next requests are answered by others', answeredThere === 0, answeredThere);
});
await report.part('rebalance', async () => {
  const { planned, before, after, faults, answeredThere, reopened } = await rebalanced(
    LONG,
    14_000,
  );
  const moves = planned.map((share) => share.moves).join(' and ');
  report.check(
    'a dry run says what would move, and moves nothing',
    before === LONG,
    `${moves} of ${LONG}`,
  );
  report.check(
    'half of them leave',
    after === LONG / 2 && moves === `${LONG / 2} and 0`,
    `${after} stay`,
  );
  report.check(
    'no client sees an error, or opens another connection',
    faults.length === 0 && reopened === 0,
    faults.slice(0, 5).join('; ') || '0 errors',
  );
  report.check(
    'those that left are answered by the other',
    answeredThere === LONG / 2,
    answeredThere,
  );
});
report.finish();
