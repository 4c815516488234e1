// Clients that come at a steady rate, each with a connection of its own, beside slow downloads.
import { request } from 'node:http';
import { setImmediate as yieldNow, setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../clock.ts';

export interface LoadPlan {
  address: string;
  /** between the beginnings of two visits, ms; none begins after `seconds` */
  intervalMs: number;
  seconds: number;
  /** side by side, one after the other */
  downloads: number;
  /** bytes of each, and at most so many per second */
  downloadBytes: number;
  downloadRate: number;
}

/** What became of a client; all times of the host's monotonic clock. */
export interface Visit {
  begunMs: number;
  tookMs: number;
  /** the server's name, empty when nothing came from one */
  server: string;
  /** `200`, another status, or an error's code */
  outcome: string;
}

export interface Load {
  visits: Visit[];
  downloads: Visit[];
}

const VISIT_LIMIT_MS = 15_000;
const DOWNLOAD_SILENCE_MS = 30_000;
const PAUSE_MS = 50;

interface Wish {
  path: string;
  /** without a byte; then it has no answer */
  silenceMs: number;
  bytes: number;
  /** per second */
  rate: number;
}

function get(address: string, wish: Wish): Promise<Visit> {
  const begunMs = monotonicMs();
  return new Promise((resolve) => {
    let server = '';
    const end = (outcome: string) =>
      resolve({ begunMs, tookMs: Math.round(monotonicMs() - begunMs), server, outcome });
    const options = { host: address, path: wish.path, agent: false, timeout: wish.silenceMs };
    const sent = request(options, (response) => {
      server = String(response.headers['x-server'] ?? '');
      const wanted = wish.bytes || Number(response.headers['content-length']);
      let length = 0;
      response.on('data', (part: Buffer) => {
        length += part.length;
        const aheadMs = (length / wish.rate) * 1000 - (monotonicMs() - begunMs);
        if (aheadMs < PAUSE_MS) return;
        response.pause();
        setTimeout(() => response.resume(), aheadMs);
      });
      const { statusCode = 0 } = response;
      response.on('end', () => {
        const isShort = statusCode === 200 && length !== wanted;
        end(isShort ? 'short' : String(statusCode));
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

/** Comes back when the last client has its answer, or has waited for 15 s in vain. */
export async function runLoad(plan: LoadPlan): Promise<Load> {
  const startMs = monotonicMs();
  const untilMs = startMs + plan.seconds * 1000;
  const rounds = Array.from({ length: plan.downloads }, (_, index) =>
    downloads(plan, untilMs, index),
  );
  const visits: Promise<Visit>[] = [];
  while (monotonicMs() < untilMs) {
    const path = `/${visits.length}`;
    const wish = { path, silenceMs: VISIT_LIMIT_MS, bytes: 0, rate: Infinity };
    visits.push(get(plan.address, wish));
    // by the clock: what began late is made up for
    const aheadMs = startMs + visits.length * plan.intervalMs - monotonicMs();
    await (aheadMs > 0 ? sleep(aheadMs) : yieldNow());
  }
  return {
    visits: await Promise.all(visits),
    downloads: (await Promise.all(rounds)).flat(),
  };
}

/** One after the other as long as there is time. */
async function downloads(plan: LoadPlan, untilMs: number, index: number): Promise<Visit[]> {
  const { address, downloadBytes: bytes, downloadRate: rate } = plan;
  // policies that go by the target take them apart
  const path = `/bytes/${bytes}?${index}`;
  const done: Visit[] = [];
  while (monotonicMs() < untilMs) {
    done.push(await get(address, { path, silenceMs: DOWNLOAD_SILENCE_MS, bytes, rate }));
    await sleep(PAUSE_MS);
  }
  return done;
}
