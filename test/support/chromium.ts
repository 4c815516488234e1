// A headless Chromium, spoken to through a pipe (its DevTools protocol, messages ended by a zero byte).
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

const PROGRAM = '/usr/bin/chromium';
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--window-size=900,720',
];
const STEP_MS = 100;

type Answer = Record<string, unknown>;

export interface Page {
  /** The value of an expression in the page; throws what it throws. */
  evaluate(expression: string): Promise<unknown>;
  /** Until the expression is true. */
  until(expression: string, limitMs: number): Promise<void>;
  /** The page as it is seen, as PNG. */
  screenshot(): Promise<Uint8Array>;
}

class Pipe {
  readonly #to: Writable;
  readonly #open = new Map<number, (answer: Answer) => void>();
  #last = 0;

  constructor(to: Writable, from: Readable) {
    this.#to = to;
    let kept = '';
    from.setEncoding('utf8').on('data', (text: string) => {
      const parts = (kept + text).split('\0');
      kept = parts.pop()!;
      for (const part of parts) this.#receive(JSON.parse(part) as Answer);
    });
  }

  #receive(answer: Answer): void {
    const id = answer['id'] as number | undefined;
    if (id === undefined) return;
    this.#open.get(id)?.(answer);
    this.#open.delete(id);
  }

  call(method: string, params: Answer, sessionId?: string): Promise<Answer> {
    this.#last += 1;
    const id = this.#last;
    this.#to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => {
      this.#open.set(id, ({ error, result }) => {
        if (error) reject(new Error(`${method}: ${JSON.stringify(error)}`));
        else resolve(result as Answer);
      });
    });
  }
}

async function openPage(pipe: Pipe, url: string): Promise<Page> {
  const { targetId } = await pipe.call('Target.createTarget', { url });
  const attached = await pipe.call('Target.attachToTarget', { targetId, flatten: true });
  const session = attached['sessionId'] as string;
  const evaluate = async (expression: string): Promise<unknown> => {
    const params = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await pipe.call('Runtime.evaluate', params, session);
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as Answer)['value'];
  };
  return {
    evaluate,
    until: async (expression, limitMs) => {
      const begun = Date.now();
      // a page that is being loaded has nothing that evaluates
      while ((await evaluate(expression).catch(() => false)) !== true) {
        if (Date.now() - begun > limitMs) throw new Error(`not in ${limitMs} ms: ${expression}`);
        await sleep(STEP_MS);
      }
    },
    screenshot: async () => {
      const { data } = await pipe.call('Page.captureScreenshot', { format: 'png' }, session);
      return Buffer.from(data as string, 'base64');
    },
  };
}

/** Opens a page in a browser of its own, which is ended afterwards in any case. */
export async function withPage(url: string, body: (page: Page) => Promise<void>): Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), 'baton-chromium-'));
  const child = spawn(
    PROGRAM,
    [...FLAGS, '--remote-debugging-pipe', `--user-data-dir=${profile}`],
    {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`chromium ended with ${status}`)));
  });
  ended.catch(() => undefined);
  const pipe = new Pipe(child.stdio[3] as Writable, child.stdio[4] as Readable);
  try {
    await Promise.race([openPage(pipe, url).then(body), ended]);
  } finally {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await sleep(STEP_MS);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
