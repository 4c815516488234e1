// The web servers of the lab: the built-in echo server, nginx, Apache and HAProxy as Debian has them.
import { accessSync, chmodSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startWords } from '../beside.ts';
import { streamChunks } from './byte-stream.ts';
import { HostProcess } from './host-process.ts';
import { asOrdinaryUser } from './rootless.ts';
import { SERVER_PORT, TLS_PORT, type ServerPlan } from './topology.ts';

export const WEB_SERVERS = ['echo', 'nginx', 'apache', 'haproxy'] as const;
export type WebServer = (typeof WEB_SERVERS)[number];

/** Folder of the keys that nginx ends TLS with: each server has its own, its name is the CN. */
export const WEB_KEYS = 'web-keys';

const NGINX = '/usr/sbin/nginx';
const APACHE = '/usr/sbin/apache2';
const HAPROXY = '/usr/sbin/haproxy';
const PROGRAMS = { nginx: NGINX, apache: APACHE, haproxy: HAPROXY };
/** Most requests below /few/ that one nginx answers at a time; it refuses more with 503. */
export const FEW = 4;
const APACHE_MODULES = '/usr/lib/apache2/modules';
const DEBIAN_PACKAGE = { nginx: 'nginx-light', apache: 'apache2', haproxy: 'haproxy' };

/** Files of the document root that nginx and Apache share: name -> bytes of the reproducible stream. */
const FILES = { '1k': 1e3, '10k': 1e4, '100k': 1e5, '1M': 1e6, '10M': 1e7, '100M': 1e8 };

/** Throws with the mend when the program of that server is not installed. */
export function requireWebServer(kind: WebServer): void {
  if (kind === 'echo') return;
  try {
    accessSync(PROGRAMS[kind], constants.X_OK);
  } catch {
    throw new Error(
      `the lab needs ${kind}: apt-get install -y --no-install-recommends ${DEBIAN_PACKAGE[kind]}`,
    );
  }
}

/**
 * The document root `directory`/www, the same for all servers: /1k /10k … /100M, and /upload/ for PUT.
 */
export function writeDocumentRoot(directory: string): void {
  const root = join(directory, 'www');
  mkdirSync(join(root, 'upload'), { recursive: true });
  // Apache's workers are not root
  chmodSync(join(root, 'upload'), 0o777);
  for (const [name, length] of Object.entries(FILES)) {
    writeFileSync(join(root, name), '');
    for (const chunk of streamChunks(length)) writeFileSync(join(root, name), chunk, { flag: 'a' });
  }
}

const COMMANDS = {
  echo: echoCommand,
  nginx: nginxCommand,
  apache: apacheCommand,
  haproxy: haproxyCommand,
};

/**
 * Starts the web server of one server host; its logs and configuration stand in `directory`. `proxy`:
 * one without an agent expects a PROXY protocol header, and takes the client's address from there.
 */
export function startWebServer(
  kind: WebServer,
  server: ServerPlan,
  namespace: string,
  directory: string,
  proxy = false,
): HostProcess {
  return new HostProcess({
    title: `${kind} of ${server.name}`,
    namespace,
    logFile: join(directory, `${server.name}.${kind}.log`),
    command: COMMANDS[kind](server.name, directory, proxy && server.isSpliced),
  });
}

/** True when something in the network namespace of that process listens on the servers' port. */
export function isListening(pid: number): boolean {
  const port = SERVER_PORT.toString(16).toUpperCase().padStart(4, '0');
  // local address:port, remote address:port, state 0A = LISTEN
  const line = new RegExp(`^ *\\d+: [0-9A-F]+:${port} [0-9A-F]+:0000 0A `, 'm');
  return ['tcp', 'tcp6'].some((file) => line.test(readProcess(pid, `net/${file}`)));
}

function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function echoCommand(name: string): string[] {
  return [...startWords('lab-inside'), 'echo', name, String(SERVER_PORT)];
}

/** What its `listen` says, and whose header it believes: the lab's hosts are all that reach it. */
const NGINX_PROXY = [
  ' proxy_protocol',
  ' real_ip_header proxy_protocol; set_real_ip_from 0.0.0.0/0; set_real_ip_from ::/0;',
] as const;

function nginxCommand(name: string, directory: string, proxy: boolean): string[] {
  const file = join(directory, `${name}.nginx.conf`);
  const own = ownFolder(name, directory);
  const [header, takes] = proxy ? NGINX_PROXY : ['', ''];
  writeFileSync(
    file,
    `user root;
daemon off;
worker_processes 2;
worker_rlimit_nofile 65536;
pid ${own}/nginx.pid;
error_log ${directory}/${name}.error.log info;
events { worker_connections 16384; }
http {
  log_format lab '$remote_addr:$remote_port "$request" $status $body_bytes_sent';
  access_log ${directory}/${name}.access.log lab;
  map $https $tls {
    default "";
    on " tls=$ssl_protocol; name=$ssl_server_name; reused=$ssl_session_reused;";
  }
  types { }
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_max_body_size 0;
  client_body_temp_path ${own}/body;
  proxy_temp_path ${own}/proxy;
  fastcgi_temp_path ${own}/fastcgi;
  uwsgi_temp_path ${own}/uwsgi; scgi_temp_path ${own}/scgi;
  ssl_certificate ${directory}/${WEB_KEYS}/${name}.pem;
  ssl_certificate_key ${directory}/${WEB_KEYS}/${name}.key;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:1m;
  limit_conn_zone $hostname zone=few:1m;
  server {
    listen ${SERVER_PORT}${header};
    listen [::]:${SERVER_PORT}${header};
    listen ${TLS_PORT} ssl${header};
    listen [::]:${TLS_PORT} ssl${header};${takes}
    root ${directory}/www;
    location / { try_files $uri @who; }
    location /upload/ { dav_methods PUT DELETE; }
${nginxPlaces(name, directory)}    location @who {
      default_type text/plain;
      set $asked "host=$http_host; target=$request_uri; path=$uri;";
      return 200 "server=${name}; peer=$remote_addr:$remote_port; $asked$tls";
    }
  }
}
`,
  );
  return asOrdinaryUser([NGINX, '-c', file, '-p', own, '-e', join(directory, `${name}.error.log`)]);
}

/** What tests choose servers by: how it is, an answer that takes its time, one that few get at a time. */
function nginxPlaces(name: string, directory: string): string {
  const root = `alias ${directory}/www/; limit_rate 400k; add_header X-Server ${name};`;
  return `    location = /well { if (-f ${directory}/${name}/sick) { return 503; } return 200; }
    location /stream/ { ${root} error_page 405 =200 $uri; }
    location /few/ { ${root} limit_conn few ${FEW}; }
`;
}

function apacheCommand(name: string, directory: string, proxy: boolean): string[] {
  const file = join(directory, `${name}.apache.conf`);
  const own = ownFolder(name, directory);
  const modules = ['mpm_event', 'authz_core', 'alias', 'dav', 'dav_fs', 'headers'];
  if (proxy) modules.push('remoteip');
  const asked = 'host=%{HTTP_HOST}; request=%{THE_REQUEST}; peer=%{REMOTE_ADDR}:;';
  writeFileSync(join(own, 'name'), `server=${name};`);
  writeFileSync(
    file,
    `${modules.map((module) => `LoadModule ${module}_module ${APACHE_MODULES}/mod_${module}.so`).join('\n')}
User www-data
Group www-data
ServerName ${name}
Listen ${SERVER_PORT}
PidFile ${own}/apache.pid
DefaultRuntimeDir ${own}
ErrorLog ${directory}/${name}.error.log
LogFormat "%a:%{remote}p \\"%r\\" %>s %B" lab
CustomLog ${directory}/${name}.access.log lab
DocumentRoot ${directory}/www
Alias /name ${own}/name
Header always set X-Asked "expr=server=${name}; ${asked}"
${proxy ? 'RemoteIPProxyProtocol On' : ''}
<Directory />
  Require all granted
</Directory>
MaxKeepAliveRequests 0
KeepAliveTimeout 75
ThreadsPerChild 64
MaxRequestWorkers 256
LimitRequestBody 0
DavLockDB ${own}/davlock
<Location /upload/>
  Dav On
</Location>
`,
  );
  return asOrdinaryUser([APACHE, '-f', file, '-D', 'FOREGROUND']);
}

/** Answers by itself, as a server that says what it was asked. */
function haproxyCommand(name: string, directory: string): string[] {
  const file = join(directory, `${name}.haproxy.cfg`);
  const asked = 'host=%[req.hdr(host)]; target=%[url];';
  writeFileSync(
    file,
    `defaults
  mode http
  timeout client 60s
  timeout http-keep-alive 60s
frontend web
  bind :${SERVER_PORT}
  bind :::${SERVER_PORT} v6only
  http-request return status 200 content-type text/plain lf-string "server=${name}; ${asked}"
`,
  );
  return asOrdinaryUser([HAPROXY, '-db', '-f', file]);
}

function ownFolder(name: string, directory: string): string {
  const own = join(directory, name);
  mkdirSync(own, { recursive: true });
  chmodSync(own, 0o777);
  return own;
}
