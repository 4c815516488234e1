// list, conns, stats: what a running program tells through its admin socket.
import { askAdmin, tellAdmin } from '../admin/client.ts';
import type { PeerView } from '../admin/peers.ts';
import { stateOf, type ServerView, type ServiceView } from '../admin/services.ts';
import type { ConnectionView, PartView, StatsView } from '../admin/views.ts';
import { formatFigures, formatTable, inWords } from './table.ts';

export interface InspectOptions {
  admin?: string | undefined;
  json?: boolean | undefined;
}

const DEFAULT_ADMIN = '/run/baton.sock';

export function socketOf(options: InspectOptions): string {
  return options.admin ?? process.env['BATON_ADMIN'] ?? DEFAULT_ADMIN;
}

export async function ask<Answer>(options: InspectOptions, path: string): Promise<Answer> {
  return askAdmin<Answer>(socketOf(options), path);
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/**
 * ipvsadm's columns, one block per VIP and pool; Flags names the service, and the pool if rules
 * name it.
 */
export function formatServices(services: readonly ServiceView[]): string {
  const rows: string[][] = [
    ['Prot', 'LocalAddress:Port', 'Scheduler', 'Flags', '', '', ''],
    ['  ->', 'RemoteAddress:Port', 'Forward', 'Weight', 'ActiveConn', 'InActConn', 'Server'],
  ];
  for (const { vips, name, pools } of services) {
    for (const [index, pool] of pools.entries()) {
      const flags = index === 0 ? name : `${name} pool=${pool.name}`;
      for (const vip of vips) rows.push(['TCP', vip, pool.policy, flags, '', '', '']);
      for (const server of pool.servers) {
        const state = stateOf(server);
        const named = state === 'up' ? server.name : `${server.name} (${state})`;
        const counts = [server.weight, server.active, server.inactive].map(String);
        rows.push(['  ->', remote(server), 'Handoff', ...counts, named]);
      }
    }
  }
  return formatTable(rows, []);
}

/** An agent's peers: the switches that give it connections. */
export function formatPeers(peers: readonly PeerView[]): string {
  const rows = peers.map(({ name, group, up, active, inactive }) => [
    name,
    group,
    up ? 'up' : 'down',
    String(active),
    String(inactive),
  ]);
  return formatTable([['Switch', 'Group', 'Channel', 'ActiveConn', 'InActConn'], ...rows], [3, 4]);
}

/** The agent's address with the server application's port. */
function remote(server: ServerView): string {
  return server.agent.replace(/\d+$/, String(server.port));
}

export function formatConnections(connections: readonly ConnectionView[]): string {
  const rows = connections.map((one) => [
    one.client,
    one.local,
    one.state,
    one.server || '-',
    one.to || '-',
    String(one.idleSeconds),
    String(one.worker),
    one.id || '-',
  ]);
  const heading = ['Client', 'Local', 'State', 'Server', 'To', 'Idle s', 'Worker', 'Id'];
  return formatTable([heading, ...rows], [5, 6]);
}

function formatPart(part: PartView): string {
  const names = Object.keys(part.total.counters);
  const rows = names.map((name) => [
    inWords(name),
    String(part.total.counters[name] ?? 0),
    ...part.workers.map((worker) => String(worker.counters[name] ?? 0)),
  ]);
  const workers = part.workers.map((worker) => `worker ${worker.worker}`);
  const right = workers.map((_, index) => index + 2);
  const { role, device, workers: _workers, total, ...rest } = part;
  const drops = Object.entries(total.drops).map(([reason, count]) => [reason, String(count)]);
  return [
    `${role} on ${device}\n`,
    formatTable([['Packets', 'total', ...workers], ...rows], [1, ...right]),
    drops.length > 0 ? `\n${formatTable([['Dropped', 'packets'], ...drops], [1])}` : '',
    `\n${formatFigures(rest)}`,
  ].join('');
}

export function formatStats(stats: StatsView): string {
  const uptime = (stats.uptimeMs / 1000).toFixed(0);
  const heading = `${stats.name} (${stats.roles.join(', ')}), pid ${stats.pid}, up ${uptime} s\n`;
  const { dispatcher } = stats;
  const own = dispatcher ? [`dispatcher\n${formatFigures({ ...dispatcher })}`] : [];
  return [heading, ...stats.parts.map(formatPart), ...own].join('\n');
}

export async function listCommand(options: InspectOptions): Promise<string> {
  const services = await ask<ServiceView[]>(options, '/services');
  const peers = await ask<PeerView[]>(options, '/peers');
  if (options.json) return json({ services, peers });
  // a host without services is an agent, even when no switch has come yet
  const parts = [
    ...(services.length > 0 ? [formatServices(services)] : []),
    ...(peers.length > 0 || services.length === 0 ? [formatPeers(peers)] : []),
  ];
  return parts.join('\n');
}

export async function connsCommand(options: InspectOptions): Promise<string> {
  const connections = await ask<ConnectionView[]>(options, '/connections');
  return options.json ? json(connections) : formatConnections(connections);
}

export async function statsCommand(options: InspectOptions): Promise<string> {
  const stats = await ask<StatsView>(options, '/stats');
  return options.json ? json(stats) : formatStats(stats);
}

/** The changes that the program took, or why it took none. */
export async function reloadCommand(
  options: InspectOptions,
): Promise<{ text: string; taken: boolean }> {
  const { ok, lines } = await tellAdmin<{ ok: boolean; lines: string[] }>(
    socketOf(options),
    '/reload',
  );
  if (options.json) return { text: json({ ok, lines }), taken: ok };
  const all = ok && lines.length === 0 ? ['nothing has changed'] : lines;
  return { text: all.map((line) => `${line}\n`).join(''), taken: ok };
}
