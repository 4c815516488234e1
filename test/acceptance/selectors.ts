// Which server gets a request: what targets key on, with nginx as the servers; most connections of a server
// with a queue, counted at the servers; a quorum and a sorry pool; slow start.
import { FEW } from '../../src/lab/web-servers.ts';
import type { TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';
import * as S from '../support/selectors.ts';

const TARGETS = 24;
const ROUNDS = 6;
const report = new Report();

async function targets(lab: TestLab): Promise<void> {
  for (const kind of Object.keys(S.KINDS)) {
    const { failed, torn, servers, bytes, streamMs } = await S.spreadOf(lab, kind, TARGETS, ROUNDS);
    report.check(
      `${kind}: ${TARGETS * ROUNDS} requests, each target on one server`,
      failed.length === 0 && torn.length === 0,
      [...failed.slice(0, 3), ...torn].join() || 'all',
    );
    report.check(`${kind}: targets are on all servers`, servers === 3, servers);
    if (kind !== 'json') continue;
    const seen = `${bytes} bytes in ${Math.round(streamMs)} ms`;
    report.check('json: answers are whole, and streamed', bytes === 1e5 && streamMs > 100, seen);
  }
}

async function limits(lab: TestLab): Promise<void> {
  const { failed, most, looks, queued, shares } = await S.crowd(lab, 400, 60);
  report.check(
    '400 requests, 60 at once, of which servers take 12: no error',
    failed.length === 0,
    failed.slice(0, 3).join('; ') || `${queued} waited`,
  );
  report.check(
    `no server had more than ${FEW} connections`,
    most === FEW,
    `${most}, ${looks} looks`,
  );
  report.check('the queue was used', queued > 200, queued);
  report.check('all servers took part', Math.min(...shares) > 100, shares.join());
  const { faults } = await lab.stats('switch');
  report.check('no fault in the control plane', faults === 0);
}

async function sorry(lab: TestLab): Promise<void> {
  const answered = async (what: string, target: string, names: string): Promise<void> => {
    const seen = await S.untilAnswered(lab, target, names);
    report.check(what, seen === names, seen);
  };
  await answered('all are well: the pool answers', '/one/a', 'server1,server2');
  await answered('its quorum is there', '/two/a', 'server1,server2');
  S.makeSick(lab, 'server1', true);
  await answered(
    'one is sick: below the quorum of two the sorry server answers',
    '/two/a',
    'server3',
  );
  await answered('a pool without a quorum goes on with the other one', '/one/a', 'server2');
  S.makeSick(lab, 'server2', true);
  await answered('all are down: the sorry server answers', '/one/a', 'server3');
  S.makeSick(lab, 'server1', false);
  await answered('one is back: the sorry server stops', '/one/a', 'server1');
  await answered('but not where two are wanted', '/two/a', 'server3');
  S.makeSick(lab, 'server2', false);
  await answered('the quorum is back', '/two/a', 'server1,server2');
}

/** The agent can be reached, and its web server; but what is handed over gets no answer. */
async function byHandoff(lab: TestLab): Promise<void> {
  const answered = async (what: string, names: string): Promise<void> => {
    const seen = await S.untilAnswered(lab, '/proven/a', names);
    report.check(what, seen === names, seen);
  };
  await answered('checks by handoff: both servers work', 'server1,server2');
  await S.setReturn(lab, 'server1', false);
  const found = await S.untilUnhealthy(lab, 'server1');
  report.check(
    'what one answers is lost: only the check by handoff finds it',
    found === 'proven',
    found,
  );
  await answered('it gets no more connections', 'server2');
  await S.setReturn(lab, 'server1', true);
  await answered('its way is back', 'server1,server2');
}

async function slowStart(lab: TestLab): Promise<void> {
  const { failed, early, late } = await S.startSlowly(lab);
  report.check('a server is taken out and in: no error', failed.length === 0, failed.length);
  const percent = (part: number): string => `${Math.round(part * 100)} %`;
  report.check('at first it gets less than a sixth', early < 1 / 6, percent(early));
  report.check('later its third', Math.abs(late - 1 / 3) < 0.03, percent(late));
}

await S.withSelectorsLab(async (lab) => {
  await report.part('targets', () => targets(lab));
  await report.part('limits', () => limits(lab));
  await report.part('sorry', () => sorry(lab));
  await report.part('checks by handoff', () => byHandoff(lab));
  await report.part('slow start', () => slowStart(lab));
});
report.finish();
