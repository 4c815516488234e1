// `baton servers` at a lab's switch, and clients that run meanwhile.
import { fileURLToPath } from 'node:url';
import type { StandingView } from '../../src/admin/services.ts';
import type { TestLab } from './lab.ts';
import { programFile } from './programs.ts';

/** Exit status, and what it prints to either side. */
export interface Said {
  status: number;
  output: string;
}

export async function baton(lab: TestLab, ...words: string[]): Promise<Said> {
  const program = fileURLToPath(new URL('./baton.mjs', import.meta.url));
  const { status, stdout, stderr } = await lab.run('switch', ['node', program, ...words]);
  return { status, output: stdout + stderr };
}

export async function standing(lab: TestLab, name: string): Promise<StandingView> {
  const all = await lab.admin<StandingView[]>('switch', '/servers');
  const found = all.find((server) => server.name === name);
  if (!found) throw new Error(`the switch has no server ${name}`);
  return found;
}

export interface Clients {
  requests: number;
  failed: string[];
  /** of kept connections, each one's server */
  servers?: string[];
}

/** So many clients for so long: new connections (`live`), or one each with many requests (`kept`). */
export async function clients(
  lab: TestLab,
  kind: 'live' | 'kept',
  count: number,
  seconds: number,
): Promise<Clients> {
  const amount = [String(count), String(seconds)];
  const { BATON_VIP: vip = '', BATON_URL: url = '' } = lab.environment;
  const words =
    kind === 'live'
      ? [programFile('live-clients'), url, ...amount]
      : [programFile('keep-alive-client'), vip, '80', ...amount];
  const timeout = (seconds + 60) * 1000;
  const { stdout, stderr } = await lab.run('client', ['node', ...words], { timeout });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Clients;
}
