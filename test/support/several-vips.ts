// A lab with two switches and several services, and one client port that is open to all of them at once.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLab, type TestLab } from './lab.ts';
import { programFile } from './programs.ts';

/** Of the first switch; what the second has is the lab's default: a web service of its own. */
const SERVICES = `
pools:
  - { name: default, servers: [server1], policy: round-robin }
  - { name: second, servers: [server2], policy: round-robin }
services:
  - { name: web, vip: [192.0.2.80, '2001:db8:80::80'], port: 80, pool: default }
  - { name: alternative, vip: [192.0.2.80, '2001:db8:80::80'], port: 8080, pool: second }
  - { name: other, vip: [192.0.2.81, '2001:db8:80::81'], port: 80, pool: second }
  - { name: third, vip: [192.0.2.82], port: 80, pool: default }
`;

/** Address, port -> the server that must answer. */
export const EXPECTED: Record<string, string> = {
  '192.0.2.80/80': 'server1',
  '192.0.2.80/8080': 'server2',
  '192.0.2.81/80': 'server2',
  '192.0.2.82/80': 'server1',
  '2001:db8:80::80/80': 'server1',
  '2001:db8:80::80/8080': 'server2',
  '2001:db8:80::81/80': 'server2',
  // the second switch: the same agent gets connections of the same client port from it
  '192.0.2.96/80': 'server1',
  '2001:db8:81::80/80': 'server1',
};

export interface Answer {
  /** address/port of the other end */
  from: string;
  /** the client's own */
  local: string;
  bytes: number;
  digest: string;
  text: string;
}

export function withSeveralVips(body: (lab: TestLab) => Promise<void>): Promise<void> {
  const config = join(tmpdir(), `baton-vips-${process.pid}.yaml`);
  writeFileSync(config, SERVICES);
  const removed = (): void => rmSync(config);
  return withLab({ servers: 2, switches: 2, config }, body).finally(removed);
}

/** What one client port gets from all of those places at once. */
export async function askAll(
  lab: TestLab,
  localPort: number,
  path: string,
  targets: string[],
): Promise<Answer[]> {
  const program = programFile('same-port');
  const command = ['node', program, String(localPort), path, ...targets];
  const { status, stdout, stderr } = await lab.run('client', command);
  if (status !== 0) throw new Error(`same-port: ${stderr}`);
  return JSON.parse(stdout) as Answer[];
}

/** An agent's configuration as it stands on its host. */
export function agentFile(lab: TestLab, server: string): string {
  return readFileSync(join(lab.directory, `${server}.yaml`), 'utf8');
}
