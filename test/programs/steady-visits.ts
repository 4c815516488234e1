// Clients that come at a steady rate, each with a connection of its own, and what became of them as JSON.
// node build/programs-steady-visits.mjs ADDRESS INTERVAL-MS SECONDS
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../src/clock.ts';

export interface Visit {
  /** of the host's monotonic clock */
  begunMs: number;
  tookMs: number;
  /** `200 SERVER`, another status, or an error's code */
  outcome: string;
}

const LIMIT_MS = 15_000;

function visit(host: string): Promise<Visit> {
  const begunMs = monotonicMs();
  return new Promise((resolve) => {
    const end = (outcome: string) =>
      resolve({ begunMs, tookMs: Math.round(monotonicMs() - begunMs), outcome });
    const options = { host, path: `/${begunMs}`, agent: false, timeout: LIMIT_MS };
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        const server = /server=(\w+);/.exec(text)?.[1] ?? '';
        end(`${response.statusCode} ${server}`.trim());
      });
      response.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    });
    sent.on('timeout', () => {
      end('no answer');
      sent.destroy();
    });
    sent.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    sent.end();
  });
}

if (process.argv[1]?.endsWith('programs-steady-visits.mjs')) {
  const [address = '', interval = '100', seconds = '5'] = process.argv.slice(2);
  const visits: Promise<Visit>[] = [];
  const untilMs = monotonicMs() + Number(seconds) * 1000;
  process.stdout.write('ready\n');
  while (monotonicMs() < untilMs) {
    visits.push(visit(address));
    await sleep(Number(interval));
  }
  console.log(JSON.stringify(await Promise.all(visits)));
  process.exit(0);
}
