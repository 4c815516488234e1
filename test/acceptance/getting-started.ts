// docs/getting-started.md, as printed: its files are written and its commands run, each on its host, in fresh
// namespaces; it ends with a download whose connection was handed over.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { insideNamespace } from '../../src/lab/host-process.ts';
import * as namespaces from '../../src/lab/namespaces.ts';
import type { HostPlan, Link, Topology } from '../../src/lab/topology.ts';
import { Report } from '../support/report.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENT = join(ROOT, 'docs/getting-started.md');
const NETS: Record<string, string> = {
  client: '10.80.1',
  switch: '10.80.2',
  server1: '10.80.11',
  server2: '10.80.12',
};
const SIZE = 10_000_000;
const LIMIT_MS = 20_000;
const POLL_MS = 50;

const report = new Report();
const folder = mkdtempSync(join(tmpdir(), 'baton-started-'));
const labName = namespaces.newLabName();
const file = randomBytes(SIZE);

interface Block {
  host: string;
  /** of a file; undefined: commands */
  name: string | undefined;
  text: string;
}

function readBlocks(): Block[] {
  const text = readFileSync(DOCUMENT, 'utf8');
  return [...text.matchAll(/```(sh|yaml)\n# (?:(\S+) )?on (\S+)\n([\s\S]*?)```/g)].map(
    ([, , name, host, body]) => ({ host: host!, name, text: body! }),
  );
}

/** Hosts with a default route each, and a router that knows only its own links. */
function topology(): Topology {
  const host = (name: string, routes: string[]): HostPlan => {
    const settings: [string, string][] = [['net/ipv4/ip_forward', name === 'router' ? '1' : '0']];
    return { name, kind: 'router', routes, rules: [], settings };
  };
  const names = Object.keys(NETS);
  const links = names.map((name, index): Link => {
    const [own, gateway] = [`${NETS[name]}.2/24`, `${NETS[name]}.1/24`];
    return {
      ends: [
        { host: name, device: 'eth0', addresses: [own] },
        { host: 'router', device: `eth${index}`, addresses: [gateway] },
      ],
    };
  });
  const hosts = [
    ...names.map((name) => host(name, [`default via ${NETS[name]}.1`])),
    host('router', []),
  ];
  const rest = { switches: [], bridges: [], dispatchers: [], servers: [], hidden: [] };
  return { hosts, links, front: 'apart', ...rest };
}

/** A shell that stays open on a host, with /etc/baton and /run of its own. */
class Shell {
  readonly #child: ChildProcess;
  #said = '';
  #count = 0;

  constructor(host: string) {
    const own = join(folder, host);
    mkdirSync(join(own, 'keys'), { recursive: true });
    const begin =
      'mkdir -p /etc/baton && mount --bind "$1" /etc/baton && mount -t tmpfs tmpfs /run';
    const script = `${begin} && cd /etc/baton && exec bash`;
    const words = ['unshare', '-m', 'sh', '-c', script, 'sh', own];
    const [program, ...args] = insideNamespace(namespaces.namespaceOf(labName, host), words);
    this.#child = spawn(program!, args, {
      env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}` },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    }
  }

  /** Waits for its end; `baton run` goes on, and is waited for until it says that it works. */
  async run(commands: string): Promise<{ isRight: boolean; said: string }> {
    this.#said = '';
    this.#count += 1;
    const mark = `mark-${this.#count}`;
    const isLong = commands.startsWith('baton run');
    const text = isLong ? `${commands.trim()} &\n` : `( set -e\n${commands})\n echo ${mark} $?\n`;
    this.#child.stdin!.write(text);
    const wanted = isLong ? /ready/ : new RegExp(`${mark} (\\d+)`);
    for (let waited = 0; waited < LIMIT_MS && !wanted.test(this.#said); waited += POLL_MS) {
      await sleep(POLL_MS);
    }
    const status = wanted.exec(this.#said)?.[1];
    return { isRight: isLong ? wanted.test(this.#said) : status === '0', said: this.#said };
  }

  /** Ends what runs there. */
  async end(): Promise<void> {
    this.#child.stdin!.write('kill $(jobs -p) 2> /dev/null; wait; exit\n');
    for (let waited = 0; waited < LIMIT_MS && this.#child.exitCode === null; waited += POLL_MS) {
      await sleep(POLL_MS);
    }
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
  }
}

/** What the document takes as there: `baton`, a way to copy files, web servers. */
function prepare(): void {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const program = (name: string, text: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  program('baton', `exec ${process.execPath} ${join(ROOT, 'build/baton.mjs')} "$@"`);
  // HOST:/etc/baton/... is a folder here
  const to = `$(echo "$last" | sed 's,^\\([^:]*\\):/etc/baton,${folder}/\\1,')`;
  program('scp', `for last; do :; done; while [ $# -gt 1 ]; do cp "$1" "${to}"; shift; done`);
  writeFileSync(join(folder, '10M'), file);
}

function webServer(host: string): string {
  const own = join(folder, host);
  const config = [
    `daemon on; pid ${own}/nginx.pid; error_log ${own}/error.log; worker_processes 1;`,
    'events {}',
    `http { access_log ${own}/access.log; server { listen 80; root ${folder}; } }`,
  ];
  writeFileSync(join(own, 'nginx.conf'), config.join('\n'));
  return `nginx -p ${own} -c ${own}/nginx.conf\n`;
}

async function follow(shells: Record<string, Shell>): Promise<void> {
  const blocks = readBlocks();
  report.check('the document has its commands', blocks.length >= 12, blocks.length);
  for (const { host, name, text } of blocks) {
    if (name !== undefined) {
      writeFileSync(join(folder, host, name), text);
      continue;
    }
    const { isRight, said } = await shells[host]!.run(text);
    const first = text.split('\n')[0]!;
    report.check(`${host}: ${first.slice(0, 60)}`, isRight, isRight ? '' : said.slice(-1500));
    if (first === 'baton list') report.note(said.trim().replaceAll('\n', '\n     '));
  }
  const got = readFileSync(join(folder, 'client/download'));
  const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  report.check('the download is right', digest(got) === digest(file), `${got.length} bytes`);
  const logs = ['server1', 'server2'].map((host) => {
    return readFileSync(join(folder, host, 'access.log'), 'utf8');
  });
  const lines = logs.join('').trim().split('\n');
  const isClients = lines.length === 1 && lines[0]!.startsWith(`${NETS['client']}.2 `);
  report.check("one server answered, and saw the client's address", isClients, lines.join('; '));
}

const shells: Record<string, Shell> = {};
try {
  prepare();
  namespaces.createNamespaces(labName, topology());
  for (const host of [...Object.keys(NETS), 'router']) shells[host] = new Shell(host);
  for (const host of ['server1', 'server2']) {
    // a folder below /tmp is private otherwise
    execFileSync('chmod', ['-R', 'a+rX', folder]);
    await shells[host]!.run(webServer(host));
  }
  await report.part('the document', () => follow(shells));
} finally {
  for (const host of ['server1', 'server2']) {
    await shells[host]?.run(`kill $(cat ${join(folder, host, 'nginx.pid')})\n`);
  }
  for (const shell of Object.values(shells)) await shell.end();
  namespaces.removeNamespaces(labName);
  rmSync(folder, { recursive: true, force: true });
}
report.finish();
