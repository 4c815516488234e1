// The control channel against everybody who may not speak on it, and against itself when it is full.
import { agentAttack, attackWith, damage, switchAttack, type Outcome } from '../hostile/forged.ts';
import { fullBothWays, tampered } from '../hostile/wire.ts';
import { stopAll } from '../support/channel-hosts.ts';
import { Random } from '../../src/lab/random.ts';
import { Report } from '../support/report.ts';

const FRAMES = 1_000_000;
const report = new Report();

function show(what: string, { frames, understood, wrong }: Outcome): void {
  const seen = `${frames} frames, ${understood} understood; ${wrong.slice(0, 3).join('; ')}`;
  report.check(what, wrong.length === 0 && understood > frames / 10, seen);
}

await report.part('forged and damaged frames', async () => {
  const random = new Random(Date.now());
  const share = FRAMES * 0.4;
  const atSwitch = attackWith(random, await switchAttack(), share);
  show('switch: another server or a stranger: nothing applied, no crash', atSwitch);
  const atAgent = attackWith(random, await agentAttack(), share);
  show('agent: a switch of another group or a stranger: nothing applied, no crash', atAgent);
  const own = await damage(random, FRAMES - 2 * share);
  show('damaged frames of the peer itself: no crash', own);
  const frames = atSwitch.frames + atAgent.frames + own.frames;
  report.check('frames in all', frames >= FRAMES, frames);
});

await report.part('a relay changes bytes', async () => {
  const { changed, arrived, wrong } = await tampered(new Random(Date.now()), 60);
  await stopAll();
  const seen = `${changed} changed, ${arrived} messages arrived; ${wrong.slice(0, 3).join('; ')}`;
  report.check('mutual TLS: only what was sent arrives, in order', wrong.length === 0, seen);
  report.check('connections were changed', changed >= 60, changed);
});

await report.part('both directions full', async () => {
  const { accepted, refused, wrong } = await fullBothWays(100);
  await stopAll();
  report.check('the queues were full', refused >= 200, refused);
  const seen = `${accepted} messages of 32 kB; ${wrong.slice(0, 3).join('; ')}`;
  report.check(
    'all that was accepted arrived, in order, no channel fell',
    wrong.length === 0,
    seen,
  );
});
report.finish();
