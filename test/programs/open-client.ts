// Opens COUNT connections, makes a request on each, says so, and keeps them open until it is stopped.
// node build/programs-open-client.mjs HOST PORT COUNT
import { connect, type Socket } from 'node:net';

const [host, portText, countText] = process.argv.slice(2) as [string, string, string];
const AT_ONCE = 20;

const open: Socket[] = [];

function answered(target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(portText) });
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes(`target=${target};`)) resolve();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${target}: closed`)));
    socket.write(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
    open.push(socket);
  });
}

const count = Number(countText);
let next = 0;
async function opener(): Promise<void> {
  while (next < count) await answered(`/open-${next++}`);
}
await Promise.all(Array.from({ length: AT_ONCE }, opener));
console.log(`open ${open.length}`);
setInterval(() => {}, 1000);
