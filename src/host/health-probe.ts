import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { get, type IncomingMessage, type RequestOptions } from 'node:http';
import { createConnection } from 'node:net';
import { formatAddress, parseAddress } from '../config/address.ts';
import type { HealthCheck } from '../config/health.ts';

/** Where a check goes, and what it wants to find there. */
export interface Probe {
  check: HealthCheck;
  address: Uint8Array;
  port: number;
  /** of a check by handoff, which goes to a VIP: the server's agent */
  agent?: Uint8Array;
}

/** Told of a check by handoff before it sends anything, and when it is over. */
export type Lead = (client: Uint8Array, clientPort: number, isOver: boolean) => void;

/** One check: undefined when the server works, else what is wrong. Ends early, as wrong, by the signal. */
export async function probe(
  subject: Probe,
  signal: AbortSignal,
  lead: Lead = () => {},
): Promise<string | undefined> {
  const { check, address, port } = subject;
  const host = formatAddress(address);
  try {
    if (check === 'tcp') return await probeTcp(host, port, signal);
    const { path, expect } = 'http' in check ? check.http : check.handoff;
    const status =
      'http' in check
        ? await statusOf({ host, port, path, agent: false, signal })
        : await statusByHandoff(subject, path, signal, lead);
    const isGood = expect === undefined ? status >= 200 && status < 400 : status === expect;
    return isGood ? undefined : `status ${status}`;
  } catch (error) {
    if (signal.aborted) return 'no answer in time';
    return (error as Error).message;
  }
}

async function probeTcp(host: string, port: number, signal: AbortSignal): Promise<undefined> {
  const socket = createConnection({ host, port });
  try {
    await once(socket, 'connect', { signal });
  } finally {
    socket.destroy();
  }
}

async function statusOf(options: RequestOptions): Promise<number> {
  const request = get(options);
  const { signal } = options;
  try {
    const [response] = (await once(request, 'response', { signal })) as [IncomingMessage];
    // read to its end, so that the connection ends as others do, and no RST keeps its server busy
    response.resume();
    await once(response, 'end', { signal });
    return response.statusCode ?? 0;
  } finally {
    request.on('error', () => {}); // what comes of ending it
    request.destroy();
  }
}

/**
 * As a client of the VIP: this host's core answers the handshake, the request is handed to the server's
 * agent, and the server answers to this host.
 */
async function statusByHandoff(
  { address, port, agent }: Probe,
  path: string,
  signal: AbortSignal,
  lead: Lead,
): Promise<number> {
  const host = formatAddress(address);
  const localAddress = await ownAddress(agent ?? address);
  const socket = createConnection({ host, port, localAddress });
  socket.on('error', () => {}); // also told by what waits for it
  try {
    await once(socket, 'connect', { signal });
    const client = parseAddress(socket.localAddress ?? '') ?? new Uint8Array(0);
    const clientPort = socket.localPort ?? 0;
    lead(client, clientPort, false);
    try {
      return await statusOf({ host, port, path, signal, createConnection: () => socket });
    } finally {
      lead(client, clientPort, true);
    }
  } finally {
    socket.destroy();
  }
}

const DISCARD_PORT = 9;

/** Of this host, as that one sees it. Nothing is sent to find out. */
async function ownAddress(towards: Uint8Array): Promise<string> {
  const socket = createSocket(towards.length === 4 ? 'udp4' : 'udp6');
  try {
    socket.connect(DISCARD_PORT, formatAddress(towards));
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}
