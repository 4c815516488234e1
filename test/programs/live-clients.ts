// COUNT clients that each make requests on new connections for SECONDS, one after the other, pausing;
// every answer is checked. Prints requests, failures, median and 99th percentile (ms) as JSON.
// node build/programs-live-clients.mjs URL COUNT SECONDS
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [url, countText, secondsText] = process.argv.slice(2) as [string, string, string];
const PAUSE_MS = 100;
const REQUEST_LIMIT_MS = 15_000;

const failed: string[] = [];
const times: number[] = [];

function request(target: string): Promise<void> {
  return new Promise((resolve) => {
    const started = performance.now();
    const fail = (why: string): void => {
      failed.push(`${target}: ${why}`);
      resolve();
    };
    const sent = get(`${url}${target}`, { agent: false, timeout: REQUEST_LIMIT_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('error', (error) => fail(error.message));
      response.on('end', () => {
        if (response.statusCode !== 200 || !body.includes(`target=${target};`)) {
          return fail(`status ${response.statusCode} ${body.slice(0, 60)}`);
        }
        times.push(performance.now() - started);
        return resolve();
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', (error) => fail(error.message));
  });
}

async function client(index: number, endMs: number): Promise<void> {
  for (let round = 0; performance.now() < endMs; round++) {
    await request(`/live-${index}-${round}`);
    await sleep(PAUSE_MS);
  }
}

const endMs = performance.now() + Number(secondsText) * 1000;
await Promise.all(Array.from({ length: Number(countText) }, (_, index) => client(index, endMs)));
times.sort((a, b) => a - b);
const medianMs = Number((times[times.length >> 1] ?? Infinity).toFixed(2));
const p99Ms = Math.round(times[Math.floor(times.length * 0.99)] ?? Infinity);
console.log(JSON.stringify({ requests: times.length + failed.length, failed, medianMs, p99Ms }));
