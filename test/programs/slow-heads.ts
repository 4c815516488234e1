// COUNT connections that send a request's head a few bytes a second and never end it. Prints how many
// were open at the end, and how many were lost before it.
// node build/programs-slow-heads.mjs URL COUNT SECONDS
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [url, countText, secondsText] = process.argv.slice(2) as [string, string, string];
const { hostname, port } = new URL(url);
const PER_TURN = 50;
const TURN_MS = 50;

let open = 0;
let lost = 0;
const sockets: Socket[] = [];
const end = Date.now() + Number(secondsText) * 1000;
while (sockets.length < Number(countText)) {
  for (let left = PER_TURN; left > 0 && sockets.length < Number(countText); left -= 1) {
    const socket = connect(Number(port || 80), hostname);
    socket.on('connect', () => {
      open += 1;
      socket.write('GET /slow HTTP/1.1\r\nHost: slow.example\r\n');
    });
    socket.on('error', () => (lost += 1)).on('end', () => (lost += 1));
    sockets.push(socket);
  }
  await sleep(TURN_MS);
}
for (let turn = 0; Date.now() < end; turn += 1) {
  for (const socket of sockets) socket.write(`X-${turn}: a\r\n`);
  await sleep(1000);
}
console.log(JSON.stringify({ open, lost }));
for (const socket of sockets) socket.destroy();
