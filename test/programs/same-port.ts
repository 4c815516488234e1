// A client that has one local port open to several addresses at once:
//   same-port.mjs LOCAL_PORT PATH ADDRESS/PORT...
// All connections are made before the first request. Prints the answers as JSON, in the order given.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const [localPort = '', path = '/', ...targets] = process.argv.slice(2);
const LIMIT_MS = 20_000;
const TEXT_LIMIT = 400;

async function open(target: string): Promise<Socket> {
  const [host = '', port = ''] = target.split('/');
  const socket = connect({ host, port: Number(port), localPort: Number(localPort) });
  socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`silence from ${target}`)));
  await once(socket, 'connect');
  return socket;
}

async function get(socket: Socket) {
  const { remoteAddress, remotePort, localAddress } = socket;
  socket.write(`GET ${path} HTTP/1.0\r\nHost: x\r\n\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const all = Buffer.concat(chunks);
  const body = all.subarray(all.indexOf('\r\n\r\n') + 4);
  return {
    from: `${remoteAddress}/${remotePort}`,
    local: `${localAddress}:${socket.localPort ?? localPort}`,
    bytes: body.length,
    digest: createHash('sha256').update(body).digest('hex'),
    text: body.length <= TEXT_LIMIT ? body.toString('latin1') : '',
  };
}

const sockets = await Promise.all(targets.map(open));
console.log(JSON.stringify(await Promise.all(sockets.map(get))));
