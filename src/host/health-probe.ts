import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createConnection } from 'node:net';
import { formatAddress } from '../config/address.ts';
import type { HealthCheck } from '../config/health.ts';

/** Where a check goes, and what it wants to find there. */
export interface Probe {
  check: HealthCheck;
  address: Uint8Array;
  port: number;
}

/** One check: undefined when the server works, else what is wrong. Ends early, as wrong, by the signal. */
export async function probe(
  { check, address, port }: Probe,
  signal: AbortSignal,
): Promise<string | undefined> {
  const host = formatAddress(address);
  try {
    if (check === 'tcp') return await probeTcp(host, port, signal);
    const { path, expect } = check.http;
    const status = await statusOf(host, port, path, signal);
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

async function statusOf(
  host: string,
  port: number,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  const request = get({ host, port, path, agent: false, signal });
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response.statusCode ?? 0;
  } finally {
    request.on('error', () => {}); // what comes of ending it
    request.destroy();
  }
}
