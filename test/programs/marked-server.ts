// An HTTP server whose every body byte is its mark; writes each request to stdout when it has read its head.
// node build/programs-marked-server.mjs PORT MARK
// Target: /CONNECTION/REQUEST/BYTES/MS: so many bytes, over so long.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [port, mark = ''] = process.argv.slice(2);
const PARTS = 10;

const server = createServer((request, response) => {
  const [, connection, number, bytes, ms] = (request.url ?? '').split('/');
  process.stdout.write(`${request.method} ${connection} ${number}\n`);
  response.on('error', () => {});
  response.setHeader('Content-Length', Number(bytes));
  request.resume();
  request.on('end', async () => {
    const part = Math.floor(Number(bytes) / PARTS);
    for (let left = Number(bytes); left > 0 && !response.destroyed;) {
      const length = ms === '0' || left < 2 * part ? left : part;
      response.write(mark.repeat(length));
      left -= length;
      if (left > 0) await sleep(Number(ms) / PARTS);
    }
    response.end();
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '::', () => process.stdout.write('ready\n'));
