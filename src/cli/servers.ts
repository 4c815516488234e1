// servers: what a running switch knows of its servers, and what its operator wants of them.
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { tellAdmin } from '../admin/client.ts';
import type { StandingView } from '../admin/services.ts';
import { monotonicMs } from '../clock.ts';
import { ask, json, socketOf, type InspectOptions } from './inspect.ts';
import { formatTable } from './table.ts';

const LOOK_MS = 200;
const WAITING_COLUMN = 6;

/** The command's text, and whether it came to what was asked for. */
interface Done {
  text: string;
  ok: boolean;
}

interface AddOptions extends InspectOptions {
  port?: string;
  weight?: string;
  pool?: string[];
}

interface DrainOptions extends InspectOptions {
  /** seconds */
  timeout?: number;
  move?: boolean;
}

/** With a column of waiting requests where pools have queues. */
export function formatServers(servers: readonly StandingView[]): string {
  const hasQueues = servers.some(({ waiting }) => waiting !== null);
  const rows = servers.map((server) => [
    server.name,
    server.agent,
    String(server.port),
    String(server.weight),
    server.state,
    server.limit === null ? String(server.active) : `${server.active}/${server.limit}`,
    String(server.failed),
    server.pools.join(' '),
  ]);
  const heading = ['Server', 'Agent', 'Port', 'Weight', 'State', 'ActiveConn', 'Failed', 'Pools'];
  const table = [heading, ...rows];
  if (!hasQueues) return formatTable(table, [2, 3, 5, 6]);
  const waiting = ['Waiting', ...servers.map((server) => String(server.waiting ?? ''))];
  return formatTable(
    table.map((cells, line) => cells.toSpliced(WAITING_COLUMN, 0, waiting[line]!)),
    [2, 3, 5, WAITING_COLUMN, 7],
  );
}

async function serversCommand(options: InspectOptions): Promise<Done> {
  const servers = await ask<StandingView[]>(options, '/servers');
  return { text: options.json ? json(servers) : formatServers(servers), ok: true };
}

async function tell(options: InspectOptions, what: string, query: URLSearchParams): Promise<Done> {
  const answer = await tellAdmin<{ ok: boolean; lines: string[] }>(
    socketOf(options),
    `/servers/${what}?${query}`,
  );
  const text = answer.lines.map((line) => `${line}\n`).join('');
  return { text: options.json ? json(answer) : text, ok: answer.ok };
}

/** Waits until the server has no connection, as long as the operator has patience. */
async function drain(name: string, options: DrainOptions): Promise<Done> {
  const query = new URLSearchParams({ name, ...(options.move && { move: 'true' }) });
  const told = await tell({ ...options, json: false }, 'drain', query);
  if (!told.ok) return told;
  const endMs = monotonicMs() + (options.timeout ?? Infinity) * 1000;
  for (;;) {
    const servers = await ask<StandingView[]>(options, '/servers');
    const left = servers.find((server) => server.name === name)?.active ?? 0;
    const isLate = monotonicMs() >= endMs;
    if (left > 0 && !isLate) await delay(LOOK_MS);
    else if (options.json) return { text: json({ name, left }), ok: left === 0 };
    else if (left === 0) return { text: `${name} is empty\n`, ok: true };
    else return { text: `${name} has ${left} connections still\n`, ok: false };
  }
}

function addQuery(
  name: string,
  agent: string,
  { port, weight, pool }: AddOptions,
): URLSearchParams {
  const query = new URLSearchParams({ name, agent });
  if (port !== undefined) query.set('port', port);
  if (weight !== undefined) query.set('weight', weight);
  for (const each of pool ?? []) query.append('pool', each);
  return query;
}

function seconds(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a number of seconds.');
}

/** `servers` and the commands below it; `finish` takes exit statuses other than 0. */
export function addServers(program: Command, finish: (status: number) => void): void {
  const show = ({ text, ok }: Done): void => {
    (ok ? process.stdout : process.stderr).write(text);
    if (!ok) finish(1);
  };
  const withSocket = (command: Command): Command =>
    command
      .option('--admin <path>', 'admin socket (else BATON_ADMIN, else /run/baton.sock)')
      .option('--json', 'for programs');
  const servers = program
    .command('servers')
    .description("a running switch's servers: list, drain, ready, maint, add, remove");
  withSocket(servers).action(async (options: InspectOptions) =>
    show(await serversCommand(options)),
  );
  // they stand before the command below, or behind it
  servers.hook('preSubcommand', (_, command) => {
    for (const [name, value] of Object.entries(servers.opts())) {
      command.setOptionValue(name, value);
    }
  });
  const below = (usage: string, description: string): Command =>
    withSocket(servers.command(usage).description(description));
  below('list', 'all of them, with state and connections').action(async (options: InspectOptions) =>
    show(await serversCommand(options)),
  );
  below('drain <name>', 'no new connections; waits until those that it has are over')
    .option(
      '--move',
      'connections go to other servers between two requests, if their service allows',
    )
    .addOption(new Option('--timeout <s>', 'not longer than that').argParser(seconds))
    .action(async (name: string, options: DrainOptions) => show(await drain(name, options)));
  const changes = [
    ['ready', 'new connections again'],
    ['maint', 'no new connections and no health checks, without waiting'],
    ['remove', 'no server of this switch any more; the connections that it has go on'],
  ] as const;
  for (const [what, description] of changes) {
    below(`${what} <name>`, description).action(async (name: string, options: InspectOptions) =>
      show(await tell(options, what, new URLSearchParams({ name }))),
    );
  }
  below('add <name> <address>', "a server more; the address is its agent's, ADDRESS:PORT")
    .option('--port <port>', 'of the server application (else as the others in the pool)')
    .option('--weight <weight>', 'else 1')
    .option('--pool <name...>', 'else the only one there is')
    .action(async (name: string, address: string, options: AddOptions) =>
      show(await tell(options, 'add', addQuery(name, address, options))),
    );
}
