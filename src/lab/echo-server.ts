// The lab's own web server: says who it is and whom it saw, so that a test can check both.
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { streamChunks } from './byte-stream.ts';

const IDLE_MS = 75_000;

/**
 * Answers
 *   GET, HEAD /bytes/N   N bytes of the reproducible stream (byte-stream.ts)
 *   PUT, POST            the SHA-256 of the body, in hex
 *   GET /chunked/N       as /bytes/N, chunked; /until-close/N ends with the connection
 *   GET /slow/MS         as everything else, after so many ms
 *   GET /cookie/NAME     as everything else, and a cookie of that name with a value of its own
 *   everything else      `server=<name>; peer=<address:port>; host=<Host>; target=<request target>;`
 * with keep-alive as HTTP/1.1 and 1.0 have it, and 100 Continue to those who expect it.
 */
export function createEchoServer(name: string): Server {
  const server = createServer((request, response) => {
    answer(name, request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = IDLE_MS;
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  return server;
}

async function answer(
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = request.url ?? '';
  response.setHeader('X-Server', name);
  if (request.method === 'PUT' || request.method === 'POST') {
    response.setHeader(
      'X-Asked',
      `server=${name}; host=${request.headers.host}; target=${target};`,
    );
    return answerText(response, await digest(request));
  }
  const [, streamed, size] = /^\/(chunked|until-close)\/(\d{1,10})(?:\?|$)/.exec(target) ?? [];
  if (size !== undefined) {
    if (streamed === 'until-close') endByClosing(response);
    return pipeline(Readable.from(streamChunks(Number(size))), response);
  }
  const slow = /^\/slow\/(\d{1,5})(?:\?|$)/.exec(target)?.[1];
  if (slow !== undefined) await delay(Number(slow));
  const length = /^\/bytes\/(\d{1,10})(?:\?|$)/.exec(target)?.[1];
  if (length !== undefined) return answerBytes(request, response, Number(length));
  const cookie = /^\/cookie\/(\w+)$/.exec(target)?.[1];
  if (cookie !== undefined) {
    response.setHeader('Set-Cookie', `${cookie}=${randomUUID()}; Path=/`);
  }
  const { remoteAddress, remotePort } = request.socket;
  const peer = peerText(remoteAddress ?? '', remotePort ?? 0);
  const host = request.headers.host ?? '';
  return answerText(response, `server=${name}; peer=${peer}; host=${host}; target=${target};`);
}

/** Neither length nor chunks: the end of the connection ends the response (RFC 9112 section 6.3). */
function endByClosing(response: ServerResponse): void {
  response.useChunkedEncodingByDefault = false;
  response.setHeader('Connection', 'close');
}

/** `address:port`, an IPv6 address in brackets, an IPv4-mapped one as IPv4. */
export function peerText(address: string, port: number): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

async function digest(request: IncomingMessage): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of request) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function answerText(response: ServerResponse, text: string): void {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}

async function answerBytes(
  request: IncomingMessage,
  response: ServerResponse,
  length: number,
): Promise<void> {
  response.setHeader('Content-Type', 'application/octet-stream');
  response.setHeader('Content-Length', length);
  if (request.method === 'HEAD') return void response.end();
  await pipeline(Readable.from(streamChunks(length)), response);
}
