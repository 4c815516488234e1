// COUNT connections, each with a request every 200 ms for SECONDS; every answer is checked, and that
// always the same server gives it. Prints requests, failures and each connection's server as JSON.
// node build/programs-keep-alive-client.mjs HOST PORT COUNT SECONDS [TARGET]
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [host = '', portText, countText, secondsText, target = '/kept'] = process.argv.slice(2);
const PAUSE_MS = 200;
const LIMIT_MS = 15_000;

const failed: string[] = [];
const servers: string[] = [];
let requests = 0;

function request(agent: Agent): Promise<{ server: string; socket: unknown }> {
  return new Promise((resolve, reject) => {
    const options = { host, port: Number(portText), path: target, agent, timeout: LIMIT_MS };
    const sent = get(options, (response) => {
      const { socket } = response;
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('error', reject);
      response.on('end', () => {
        const server = /server=(.*?);/.exec(body)?.[1];
        if (response.statusCode === 200 && server) return resolve({ server, socket });
        return reject(new Error(`status ${response.statusCode} ${body.slice(0, 60)}`));
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', reject);
  });
}

async function client(index: number, endMs: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let first: Awaited<ReturnType<typeof request>> | undefined;
  while (performance.now() < endMs) {
    requests += 1;
    try {
      const answered = await request(agent);
      first ??= answered;
      if (answered.socket !== first.socket) throw new Error('the connection was replaced');
      if (answered.server !== first.server) throw new Error(`now from ${answered.server}`);
      servers[index] = answered.server;
    } catch (error) {
      failed.push(`${index}: ${(error as Error).message}`);
      break;
    }
    await sleep(PAUSE_MS);
  }
  agent.destroy();
}

const endMs = performance.now() + Number(secondsText) * 1000;
await Promise.all(Array.from({ length: Number(countText) }, (_, index) => client(index, endMs)));
console.log(JSON.stringify({ requests, failed, servers }));
