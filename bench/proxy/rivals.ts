// HAProxy and nginx as two-way proxies on the switch's host, before the same web servers.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVER_PORT } from '../../src/lab/topology.ts';
import type { TestLab } from '../../test/support/lab.ts';

export interface FrontEnd {
  name: string;
  /** of the rival's program */
  version?: string;
  /** where the client reaches it, without a path */
  url: string;
  pid: number;
}

const HAPROXY = '/usr/sbin/haproxy';
const NGINX = '/usr/sbin/nginx';
/** Of the addresses that are routed to the switch's host. */
const HAPROXY_ADDRESS = '192.0.2.90';
const NGINX_ADDRESS = '192.0.2.91';
const READY_LIMIT_MS = 10_000;
const IDLE_CONNECTIONS = 256; // towards the servers, more than are ever used

function versionOf(program: string, option: string): string {
  const { stdout, stderr } = spawnSync(program, [option], { encoding: 'utf8' });
  return /(?:version |nginx\/)(\S+)/.exec(stdout + stderr)?.[1] ?? 'unknown';
}

function haproxyFile(lab: TestLab): string {
  const file = join(lab.directory, 'front.haproxy.cfg');
  const servers = lab.topology.servers.map(
    ({ name, address }) => `  server ${name} ${address}:${SERVER_PORT}`,
  );
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option splice-auto
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend web
  bind ${HAPROXY_ADDRESS}:80
  default_backend servers
backend servers
  balance roundrobin
${servers.join('\n')}
`,
  );
  return file;
}

function nginxFile(lab: TestLab): string {
  const own = join(lab.directory, 'front-nginx');
  mkdirSync(own, { recursive: true });
  const file = join(lab.directory, 'front.nginx.conf');
  const servers = lab.topology.servers.map(({ address }) => `server ${address}:${SERVER_PORT};`);
  writeFileSync(
    file,
    `user root;
daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${own}/nginx.pid;
error_log ${own}/error.log;
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path ${own}/body;
  proxy_temp_path ${own}/proxy;
  fastcgi_temp_path ${own}/fastcgi;
  uwsgi_temp_path ${own}/uwsgi;
  scgi_temp_path ${own}/scgi;
  upstream servers { ${servers.join(' ')} keepalive ${IDLE_CONNECTIONS};
    keepalive_requests 1000000; }
  server {
    listen ${NGINX_ADDRESS}:80 backlog=4096;
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`,
  );
  return file;
}

async function start(lab: TestLab, name: string, url: string, command: string[]): Promise<number> {
  const program = lab.startProgram('switch', `front-${name}`, command);
  const answers = async (): Promise<boolean> =>
    (await lab.run('client', ['curl', '-sf', '-m', '1', '-o', '/dev/null', `${url}/1k`])).status ===
    0;
  await program.ready(answers, READY_LIMIT_MS);
  return program.pid;
}

/** Starts both beside the lab's switch. */
export async function startRivals(lab: TestLab): Promise<FrontEnd[]> {
  const addresses = [HAPROXY_ADDRESS, NGINX_ADDRESS];
  const commands = addresses.map((address) => `ip address add ${address}/32 dev lo`);
  const { status, stderr } = await lab.run('switch', ['sh', '-ec', commands.join('\n')]);
  if (status !== 0) throw new Error(`bench: ${stderr}`);
  const [haproxyUrl, nginxUrl] = addresses.map((address) => `http://${address}`) as [
    string,
    string,
  ];
  const haproxy = [HAPROXY, '-db', '-f', haproxyFile(lab)];
  const nginx = [NGINX, '-c', nginxFile(lab), '-e', join(lab.directory, 'front-nginx/error.log')];
  return [
    {
      name: 'HAProxy',
      version: versionOf(HAPROXY, '-v'),
      url: haproxyUrl,
      pid: await start(lab, 'haproxy', haproxyUrl, haproxy),
    },
    {
      name: 'nginx',
      version: versionOf(NGINX, '-v'),
      url: nginxUrl,
      pid: await start(lab, 'nginx', nginxUrl, nginx),
    },
  ];
}
