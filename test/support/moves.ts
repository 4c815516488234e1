// A lab in which a connection moves between nginx, Apache and the echo server, and its client.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MovesPlan, Outcome } from '../programs/moving-client.ts';
import { withLab, type TestLab, type TestLabOptions } from './lab.ts';
import { programFile } from './programs.ts';

/** `?to=second` is for server2 alone, and so on; /admin is the third's, however it is written. */
const CONFIG = `pools:
  - { name: first, servers: [server1], policy: lard }
  - { name: second, servers: [server2], policy: lard }
  - { name: third, servers: [server3], policy: lard }
services:
  - name: web
    vip: [192.0.2.80, "2001:db8:80::80"]
    port: 80
    requests: per-request
    pool: first
    rules:
      - { match: { path: "/admin*" }, pool: third }
      - { match: { query: { to: second } }, pool: second }
      - { match: { query: { to: third } }, pool: third }
`;

export function withMovesLab(
  options: Partial<TestLabOptions>,
  body: (lab: TestLab) => Promise<void>,
): Promise<void> {
  const serverKinds = ['nginx', 'apache', 'echo'] as const;
  return withServicesLab(CONFIG, { servers: 3, serverKinds: [...serverKinds], ...options }, body);
}

/** A lab whose switch has these pools and services. */
export async function withServicesLab(
  services: string,
  options: Partial<TestLabOptions>,
  body: (lab: TestLab) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-moves-'));
  const config = join(folder, 'services.yaml');
  writeFileSync(config, services);
  try {
    await withLab({ config, ...options }, body);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the client program saw. */
export async function move(lab: TestLab, plan: MovesPlan, timeout = 120_000): Promise<Outcome[]> {
  const program = programFile('moving-client');
  const command = [process.execPath, program, lab.environment['BATON_VIP']!, '80'];
  const { stdout, stderr } = await lab.run('client', [...command, JSON.stringify(plan)], {
    timeout,
  });
  if (stdout === '') throw new Error(`moving-client: ${stderr}`);
  return JSON.parse(stdout) as Outcome[];
}

/** How often the next answer came from another server. */
export function movesOf({ seen }: Outcome): number {
  return seen.filter(({ server }, at) => at > 0 && server !== seen[at - 1]!.server).length;
}

/** What is wrong with an outcome of so many answers; '' = nothing. */
export function faultOf({ seen, error }: Outcome, count: number): string {
  if (error !== '') return error;
  if (seen.length !== count) return `${seen.length} answers of ${count}`;
  const wrong = seen.findIndex(({ status, isRight }) => !isRight || status >= 300);
  return wrong < 0 ? '' : `answer ${wrong}: ${JSON.stringify(seen[wrong])}`;
}
