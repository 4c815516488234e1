// Makes the requests of a list, so many at once, each on a connection of its own. Prints as JSON what became
// of each, in the list's order.
// node build/programs-asker.mjs URL FILE: { asks, atOnce } as JSON
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Ask {
  /** POST where there is a body, else GET */
  target: string;
  headers?: Record<string, string>;
  /** sent in two pieces, a moment apart */
  body?: string;
}

export interface Answer {
  /** 0: none came */
  status: number;
  /** who answered, as it says itself */
  server: string;
  bytes: number;
  /** from the first byte of the answer to the last */
  streamMs: number;
  beganMs: number;
  error: string;
}

const [url = '', file = ''] = process.argv.slice(2);
const { asks, atOnce } = JSON.parse(readFileSync(file, 'utf8')) as { asks: Ask[]; atOnce: number };
const LIMIT_MS = 30_000;
const PAUSE_MS = 10;

function serverIn(text: string): string {
  return /server=([^;]*);/.exec(text)?.[1] ?? '';
}

function once({ target, headers = {}, body }: Ask): Promise<Answer> {
  const beganMs = performance.now();
  const answer: Answer = { status: 0, server: '', bytes: 0, streamMs: 0, beganMs, error: '' };
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ ...answer, error: error.message });
    const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const method = body === undefined ? 'GET' : 'POST';
    const options = { method, agent: false, timeout: LIMIT_MS, headers: { ...headers, ...length } };
    const sent = request(`${url}${target}`, options, (response) => {
      const firstMs = performance.now();
      let text = '';
      answer.status = response.statusCode ?? 0;
      response.on('data', (chunk: Buffer) => {
        answer.bytes += chunk.length;
        if (text.length < 200) text += chunk.subarray(0, 200).toString('latin1');
      });
      response.on('error', fail);
      response.on('end', () => {
        answer.server = String(response.headers['x-server'] ?? serverIn(text));
        resolve({ ...answer, streamMs: performance.now() - firstMs });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', fail);
    if (body === undefined) return void sent.end();
    const half = Math.floor(body.length / 2);
    sent.write(body.slice(0, half));
    void sleep(PAUSE_MS).then(() => sent.end(body.slice(half)));
  });
}

const answers: Answer[] = [];
let next = 0;
async function worker(): Promise<void> {
  while (next < asks.length) {
    const at = next;
    next += 1;
    answers[at] = await once(asks[at]!);
  }
}
await Promise.all(Array.from({ length: atOnce }, worker));
console.log(JSON.stringify(answers));
