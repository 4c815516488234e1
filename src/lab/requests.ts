// The tour's client: real HTTP requests from the client's namespace, and what came of each.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { pipeline } from 'node:stream/promises';
import { streamChunks } from './byte-stream.ts';
import { peerText } from './echo-server.ts';

/** Requests that one client sends. */
export interface RequestPlan {
  address: string;
  port: number;
  method: string;
  targets: string[];
  /** one: all on one connection; each: a connection each, one after the other; together: all at once */
  connections: 'one' | 'each' | 'together';
  /** between two requests that are not sent together */
  pauseMs: number;
  /** body: that many bytes of the reproducible stream */
  sendBytes: number;
}

export interface RequestResult {
  target: string;
  status: number;
  /** the client's own address and port */
  local: string;
  bytes: number;
  /** SHA-256 of the body */
  digest: string;
  /** the body, if it is short */
  text: string;
  /** from connecting to the last byte */
  ms: number;
}

const TEXT_LIMIT = 400;
const SILENCE_LIMIT_MS = 10_000;

/** Throws when a request gets no answer. */
export async function sendRequests(plan: RequestPlan): Promise<RequestResult[]> {
  const isOne = plan.connections === 'one';
  const agent = new Agent(isOne ? { keepAlive: true, maxSockets: 1 } : {});
  try {
    if (plan.connections === 'together') {
      return await Promise.all(plan.targets.map((target) => sendRequest(plan, target, agent)));
    }
    const results: RequestResult[] = [];
    for (const [index, target] of plan.targets.entries()) {
      if (index > 0) await sleep(plan.pauseMs);
      results.push(await sendRequest(plan, target, agent));
    }
    return results;
  } finally {
    agent.destroy();
  }
}

async function sendRequest(
  plan: RequestPlan,
  target: string,
  agent: Agent,
): Promise<RequestResult> {
  const { address, port, method, sendBytes } = plan;
  const started = performance.now();
  const headers = sendBytes > 0 ? { 'Content-Length': sendBytes } : {};
  const sent = request({ host: address, port, method, path: target, headers, agent });
  sent.setTimeout(SILENCE_LIMIT_MS, () => sent.destroy(new Error(`no answer to ${target}`)));
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  const [[response]] = await Promise.all([
    answered,
    pipeline(Readable.from(streamChunks(sendBytes)), sent),
  ]);
  const { localAddress, localPort } = response.socket;
  const { bytes, digest, text } = await readBody(response);
  return {
    target,
    status: response.statusCode ?? 0,
    local: peerText(localAddress ?? '', localPort ?? 0),
    bytes,
    digest,
    text,
    ms: performance.now() - started,
  };
}

async function readBody(response: IncomingMessage) {
  const hash = createHash('sha256');
  let bytes = 0;
  let text = '';
  for await (const chunk of response) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (text.length < TEXT_LIMIT) text += (chunk as Buffer).toString('latin1', 0, TEXT_LIMIT);
  }
  return { bytes, digest: hash.digest('hex'), text: bytes <= TEXT_LIMIT ? text : '' };
}
