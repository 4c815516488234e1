// Sends requests from the client's host: each plan by a process of its own in the client's namespace.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Lab } from './cluster.ts';
import { insideCommand } from './host-process.ts';
import type { RequestPlan, RequestResult } from './requests.ts';
import type { Load, LoadPlan } from './steady-load.ts';
import { VIP4, VIP_PORT } from './topology.ts';

const PLAN: RequestPlan = {
  address: VIP4,
  port: VIP_PORT,
  method: 'GET',
  targets: ['/'],
  connections: 'each',
  pauseMs: 0,
  sendBytes: 0,
};

/** The words that run a program of inside.ts with the plan; what it omits is a GET of `/`. */
export function requestCommand(
  program: string,
  plan: Partial<RequestPlan>,
  ...more: string[]
): string[] {
  return insideCommand(program, { ...PLAN, ...plan }, ...more);
}

/** Runs the plan in the client's namespace. */
export async function send(lab: Lab, plan: Partial<RequestPlan>): Promise<RequestResult[]> {
  return (await fromClient(lab, requestCommand('requests', plan))) as RequestResult[];
}

/** Steady clients in the client's namespace. */
export async function sendLoad(lab: Lab, plan: LoadPlan): Promise<Load> {
  return (await fromClient(lab, insideCommand('load', plan))) as Load;
}

/** What a program of inside.ts prints. */
async function fromClient(lab: Lab, command: string[]): Promise<unknown> {
  const [program, ...args] = lab.inside('client', command);
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, complaint] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status === 0) return JSON.parse(output) as unknown;
  throw new Error(complaint.split('\n').find((line) => line.includes('Error')) ?? complaint);
}
