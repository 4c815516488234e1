// An HTTP server that accepts slowly behind a short accept queue; writes each request it answered to stdout.
// node build/programs-slow-server.mjs PORT BACKLOG DELAY-MS
import { createServer } from 'node:http';

const [port, backlog, delayMs] = process.argv.slice(2).map(Number) as [number, number, number];
const pause = new Int32Array(new SharedArrayBuffer(4));

const server = createServer((request, response) => {
  process.stdout.write(`${request.url}\n`);
  response.setHeader('Connection', 'close');
  response.end(`target=${request.url};`);
});
// libuv calls this between two accepts: blocking here keeps the others in the kernel's accept queue
server.on('connection', () => Atomics.wait(pause, 0, 0, delayMs));
server.listen({ port, host: '::', backlog }, () => process.stdout.write('ready\n'));
