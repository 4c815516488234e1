// PUTs COUNT numbers of 8 digits, each in a segment of its own, in bursts of BURST with PAUSE-MS between,
// START-MS after the handshake.
// Prints its port, the body's SHA-256 and what the server answered.
// node build/programs-numbered-upload.mjs HOST PORT COUNT BURST PAUSE-MS START-MS
import { createHash } from 'node:crypto';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [host, portText, countText, burstText, pauseText, startText] = process.argv.slice(
  2,
) as string[];
const count = Number(countText);
const DIGITS = 8;

export interface UploadOutcome {
  port: number;
  digest: string;
  answer: string;
}

const socket = connect({ host: host!, port: Number(portText), noDelay: true });
let answer = '';
socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
const closed = new Promise<void>((resolve, reject) => {
  socket.on('end', resolve);
  socket.on('error', reject);
});
await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
const { port } = socket.address() as AddressInfo;
await sleep(Number(startText));
const head = ['PUT /numbers HTTP/1.1', 'Host: a.example', `Content-Length: ${count * DIGITS}`];
socket.write(`${head.join('\r\n')}\r\nConnection: close\r\n\r\n`);
await sleep(Number(pauseText));
const hash = createHash('sha256');
for (let number = 0; number < count; number += 1) {
  const text = String(number).padStart(DIGITS, '0');
  hash.update(text);
  socket.write(text);
  if (number % Number(burstText) === 0) await sleep(Number(pauseText));
  else await new Promise((resolve) => setImmediate(resolve)); // else they become one segment
}
await closed;
socket.destroy();
console.log(JSON.stringify({ port, digest: hash.digest('hex'), answer } satisfies UploadOutcome));
