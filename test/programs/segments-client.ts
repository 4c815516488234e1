// Sends one request with its bytes in segments of SIZE, PAUSE-MS apart; prints the SHA-256 of the body.
// node build/programs-segments-client.mjs HOST PORT SIZE PAUSE-MS TARGET
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [host, port, size, pauseMs, target] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const head = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`);

const socket = connect({ host, port: Number(port), noDelay: true });
const chunks: Buffer[] = [];
socket.on('data', (chunk) => chunks.push(chunk));
const closed = new Promise<void>((resolve, reject) => {
  socket.on('end', resolve);
  socket.on('error', reject);
});
await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
for (let offset = 0; offset < head.length; offset += Number(size)) {
  socket.write(head.subarray(offset, offset + Number(size)));
  await sleep(Number(pauseMs));
}
await closed;
socket.destroy();
const response = Buffer.concat(chunks);
const end = response.indexOf('\r\n\r\n');
console.log(
  createHash('sha256')
    .update(response.subarray(end + 4))
    .digest('hex'),
);
