// Opens COUNT connections at once, one request each with a target of its own, and prints what became of them.
// node build/programs-burst-client.mjs URL COUNT TIMEOUT-MS [ROUNDS]
import { get } from 'node:http';

const [url, countText, timeoutText, roundsText = '1'] = process.argv.slice(2) as string[];
const count = Number(countText);
const timeoutMs = Number(timeoutText);

export interface BurstOutcome {
  answered: string[];
  refused: string[];
  reset: string[];
  lost: string[];
  wrong: string[];
  /** slowest answer, ms */
  slowestMs: number;
}

const outcome: BurstOutcome = {
  answered: [],
  refused: [],
  reset: [],
  lost: [],
  wrong: [],
  slowestMs: 0,
};

function request(target: string): Promise<void> {
  return new Promise((resolve) => {
    const started = Date.now();
    const done = (list: string[]): void => {
      list.push(target);
      outcome.slowestMs = Math.max(outcome.slowestMs, Date.now() - started);
      resolve();
    };
    const options = { agent: false, timeout: timeoutMs };
    const sent = get(`${url}${target}`, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('error', () => done(outcome.lost));
      response.on('end', () => {
        if (response.statusCode === 503) done(outcome.refused);
        else if (response.statusCode === 200 && body.includes(`target=${target};`))
          done(outcome.answered);
        else done(outcome.wrong);
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('timeout')));
    sent.on('error', (error: NodeJS.ErrnoException) => {
      done(
        error.code === 'ECONNRESET' || error.code === 'ECONNREFUSED' ? outcome.reset : outcome.lost,
      );
    });
  });
}

for (let round = 0; round < Number(roundsText); round++) {
  const targets = Array.from({ length: count }, (_, index) => `/burst-${round}-${index}`);
  await Promise.all(targets.map(request));
}
console.log(JSON.stringify(outcome));
