// A lab whose servers end TLS, two of them, and visits of openssl to them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLab, type TestLab } from './lab.ts';

const CONFIG = `pools:
  - { name: default, servers: [server1, server2], policy: round-robin }
  - { name: one, servers: [server1] }
  - { name: two, servers: [server2] }
services:
  - name: tls
    vip: [192.0.2.80, '2001:db8:80::80']
    port: 443
    protocol: tls
    serverPort: 443
    pool: default
    rules:
      - { match: { sni: one.example }, pool: one }
      - { match: { sni: '*.two.example', alpn: http/1.1 }, pool: two }
`;

export interface Visit {
  server: string;
  reused: boolean;
  version: string;
}

/** One request by openssl s_client. */
export async function visit(lab: TestLab, ...options: string[]): Promise<Visit> {
  const command = ['openssl', 's_client', '-ign_eof', '-connect', '192.0.2.80:443', ...options];
  const input = 'GET /who HTTP/1.0\r\n\r\n';
  const { stdout } = await lab.run('client', command, { input, timeout: 10_000 });
  return {
    server: /server=(.*?);/.exec(stdout)?.[1] ?? 'nobody',
    reused: /^Reused,/m.test(stdout) && /reused=r;/.test(stdout),
    version: /tls=(.*?);/.exec(stdout)?.[1] ?? '',
  };
}

/** The server of `count` visits; their names in order, one time each. */
export async function serversOf(
  lab: TestLab,
  count: number,
  ...options: string[]
): Promise<string> {
  const found = new Set<string>();
  for (let turn = 0; turn < count; turn += 1) found.add((await visit(lab, ...options)).server);
  return [...found].sort().join(' ');
}

export interface Sessions {
  first: Visit;
  /** visits with the session of the first, while others go round */
  later: Visit[];
}

/** A client that keeps its session of TLS 1.2, in a file named by `what`. */
export async function keepSession(
  lab: TestLab,
  count: number,
  what: string,
  ...options: string[]
): Promise<Sessions> {
  const file = join(lab.directory, `session-${what}`);
  const first = await visit(lab, '-tls1_2', ...options, '-sess_out', file);
  const later: Visit[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    later.push(await visit(lab, '-tls1_2', ...options, '-sess_in', file));
    // the policy's turn goes on
    await visit(lab, '-tls1_2', '-no_ticket');
  }
  return { first, later };
}

export async function withTlsLab(body: (lab: TestLab) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-tls-'));
  const config = join(folder, 'tls.yaml');
  writeFileSync(config, CONFIG);
  try {
    await withLab({ servers: 2, server: 'nginx', config }, body);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
