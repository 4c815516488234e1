import type { Page } from './page.ts';
import { CLASSES, MACHINE, SITE, runSessions } from './sessions.ts';
import type { Mix, SessionFigures } from './sessions.ts';
import type { PoolChoice } from './servers.ts';

const MIXES: readonly Mix[] = [
  { name: 'mostly-static', cpu: 0.05, disk: 0.05 },
  { name: 'mostly-dynamic', cpu: 0.3, disk: 0.3 },
];
const SERVERS = 7; // as many as in the paper
const SESSIONS = [20, 40, 60];
const CHOICES: readonly PoolChoice[] = [
  { policy: 'cap', classes: CLASSES },
  { policy: 'lard' },
  { policy: 'round-robin' },
];

export interface MixFigures extends SessionFigures {
  mix: string;
  policy: string;
  sessionsPerServer: number;
}

export function measureMixes(): MixFigures[] {
  return MIXES.flatMap((mix) =>
    CHOICES.flatMap((choice) =>
      SESSIONS.map((sessionsPerServer) => {
        const counts = { warmUp: 15_000, measured: 8000, seed: 5 };
        const plan = { mix, servers: SERVERS, sessionsPerServer, ...counts };
        const figures = runSessions(plan, choice);
        return { mix: mix.name, policy: choice.policy, sessionsPerServer, ...figures };
      }),
    ),
  );
}

export function mixPage(measured: readonly MixFigures[]): Page {
  const find = (mix: string, policy: string): MixFigures[] =>
    measured.filter((each) => each.mix === mix && each.policy === policy);
  return {
    title: 'CAP against LARD, static and dynamic pages',
    text: [
      'The workload is table 1 of Andreolini et al. 2003: requests for each session inverse Gaussian ' +
        '(3.86, 9.46), think time Pareto (1.4, 1 s), objects on a page Pareto (1.33, 2), HTML lognormal ' +
        '(7.630, 1.001) with a Pareto tail (1, 10240), embedded objects lognormal (8.215, 1.46). A ' +
        'request of a session is taken to be a page with its objects.',
      'Ours, since the paper (as far as it was found) does not say: ' +
        `${SITE.pages} pages asked for by a Zipf law of exponent 1, at most ${SITE.mostObjects} objects ` +
        `and ${SITE.mostBytes / 1e6} MB each; dynamic pages take ${SITE.cpuMs} ms of the processor or ` +
        `${SITE.diskMs} ms of the disk (exponential); the shares are ` +
        `${MIXES.map((mix) => `${mix.cpu * 100} + ${mix.disk * 100} % (${mix.name})`).join(' and ')}. ` +
        `${SERVERS} servers of ${MACHINE.cacheBytes / 1e6} MB of cache, disk ${MACHINE.diskMs} ms and ` +
        `${MACHINE.diskMsPerKb} ms/KB, processor ${MACHINE.cpuMs} ms and ${MACHINE.cpuMsPerKb} ms/KB, ` +
        '100 Mb/s. One connection for each page; its first request decides, as theirs does.',
    ],
    figures: MIXES.map(({ name }) => {
      const last = ['cap', 'lard'].map((policy) => find(name, policy).at(-1)!);
      const times = last.map(
        ({ policy, percentile90 }) => `${policy} ${percentile90.toFixed(0)} ms`,
      );
      return {
        what: `${name}: 90th percentile of a page, ${SESSIONS.at(-1)} sessions for each server`,
        paper: 'not found (the two scenarios and their results)',
        setUp: '7 servers, dual Pentium III 833 MHz, Apache 2.0, 100 Mb/s (section 5)',
        ours: times.join(', '),
        why: 'no comparison: only the model is theirs',
      };
    }),
    tables: MIXES.map(({ name }) => ({
      columns: [
        `${name}: 90th percentile, pages/s`,
        ...SESSIONS.map((sessions) => `${sessions} sessions for each server`),
      ],
      rows: CHOICES.map(({ policy }) => [
        policy,
        ...find(name, policy).map(
          ({ percentile90, throughput }) =>
            `${percentile90.toFixed(0)} ms, ${throughput.toFixed(0)}/s`,
        ),
      ]),
    })),
    plots: MIXES.map(({ name }) => ({
      name: `mix-${name}`,
      title: `${name}: 90th percentile of a page's time`,
      x: 'sessions for each server',
      y: 'ms',
      series: CHOICES.map(({ policy }) => ({
        name: policy,
        points: find(name, policy).map(
          ({ sessionsPerServer, percentile90 }) => [sessionsPerServer, percentile90] as const,
        ),
      })),
    })),
  };
}
