// sshd of Debian on the lab's servers, behind services of which the switch reads nothing.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLab, type Finished, type TestLab } from './lab.ts';

export const SYN_PORT = 22;
export const ACK_PORT = 2222;
const SERVERS = ['server1', 'server2'];
const LISTEN_LIMIT_MS = 10_000;

function servicesFile(more: string): string {
  const file = join(tmpdir(), `baton-ssh-${process.pid}.yaml`);
  const vip = "vip: [192.0.2.80, '2001:db8:80::80'], serverPort: 22, protocol: tcp, pool: shells";
  writeFileSync(
    file,
    `
pools:
  - { name: default, servers: [server1, server2] }
  - { name: shells, servers: [server1, server2], policy: round-robin }
services:
  - { name: web, vip: [192.0.2.80, '2001:db8:80::80'], port: 80, pool: default }
  - { name: by-syn, port: ${SYN_PORT}, ${vip} }
  - { name: by-ack, port: ${ACK_PORT}, on: ack, ${vip} }
${more}
`,
  );
  return file;
}

/** `more`: YAML beside the services. */
export function withSsh(body: (lab: TestLab) => Promise<void>, more = ''): Promise<void> {
  const file = servicesFile(more);
  return withLab({ servers: SERVERS.length, config: file }, async (lab) => {
    const { directory } = lab;
    const keygen = (name: string) =>
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, name)]);
    keygen('host_key');
    keygen('client_key');
    copyFileSync(join(directory, 'client_key.pub'), join(directory, 'authorized_keys'));
    mkdirSync('/run/sshd', { recursive: true });
    const config = join(directory, 'sshd_config');
    writeFileSync(
      config,
      `Port 22\nHostKey ${directory}/host_key\nAuthorizedKeysFile ${directory}/authorized_keys\n` +
        `PermitRootLogin yes\nStrictModes no\nUsePAM no\nUseDNS no\nMaxStartups 200\nPidFile none\n`,
    );
    for (const server of SERVERS) {
      const sshd = lab.startProgram(server, 'sshd', ['/usr/sbin/sshd', '-D', '-e', '-f', config]);
      const isUp = () => sshd.log().includes('listening on');
      await sshd.ready(isUp, LISTEN_LIMIT_MS);
    }
    await body(lab);
  }).finally(() => rmSync(file));
}

export interface SshTarget {
  address: string;
  port: number;
}

/** Runs a command on whichever server the connection comes to. */
export function ssh(
  lab: TestLab,
  { address, port }: SshTarget,
  command: string,
  around: (ssh: string) => string = (text) => text,
): Promise<Finished> {
  const options = [
    `-i ${lab.directory}/client_key`,
    '-o StrictHostKeyChecking=no',
    '-o UserKnownHostsFile=/dev/null',
    '-o LogLevel=ERROR',
    '-o BatchMode=yes',
    '-o ConnectTimeout=15',
  ].join(' ');
  const text = `ssh ${options} -p ${port} root@${address} '${command}'`;
  return lab.run('client', ['sh', '-c', around(text)], { timeout: 120_000 });
}
