// What differs between two configurations of a host, and what of it a running program can take.
import { formatAddress, formatEndpoint, formatPrefix } from './address.ts';
import type { Config } from './config.ts';
import type { Path, Problem } from './problem.ts';

/** `servers[server1].weight`: things with a name are known by it, whatever their place in a list. */
export interface Change {
  what: string;
  /** undefined: is new */
  was: string | undefined;
  /** undefined: is gone */
  is: string | undefined;
}

type Flat = Map<string, string>;

/** What a program takes while it runs; a change of anything else needs a restart. */
const WHILE_RUNNING = ['timing', 'tls', 'servers', 'pools', 'services'];
const WHILE_RUNNING_IN_SWITCH = ['heldBytes', 'mtu'];
const SECRET_LENGTH = 32;

function bytesText(bytes: Uint8Array): string {
  return bytes.length === SECRET_LENGTH ? '(a key)' : formatAddress(bytes);
}

/** A value that stands for itself as text; undefined: look into it. */
function leafText(value: unknown): string | undefined {
  if (value instanceof Uint8Array) return bytesText(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const { address, port, network, length } = value as Record<string, unknown>;
  if (address instanceof Uint8Array) return formatEndpoint(address, Number(port));
  if (network instanceof Uint8Array) return formatPrefix({ network, length: Number(length) });
  if (!Array.isArray(value)) return undefined;
  const parts = value.map(leafText);
  return parts.includes(undefined) ? undefined : `[${parts.join(', ')}]`;
}

function flatten(value: unknown, at: string, flat: Flat): void {
  const text = leafText(value);
  if (text !== undefined) {
    if (value !== undefined) flat.set(at, text);
    return;
  }
  for (const [key, part] of Object.entries(value as object)) {
    const name = (part as { name?: unknown } | undefined)?.name;
    const inList = typeof name === 'string' ? name : key;
    const below = Array.isArray(value) ? `${at}[${inList}]` : at === '' ? key : `${at}.${key}`;
    flatten(part, below, flat);
  }
}

function flat(config: Config): Flat {
  const { file: _, ...rest } = config;
  const found: Flat = new Map();
  flatten(rest, '', found);
  return found;
}

/** Everything that is not the same, in the order of the newer one; what is gone comes last. */
export function differences(before: Config, after: Config): Change[] {
  const [old, young] = [flat(before), flat(after)];
  const changes: Change[] = [];
  for (const [what, is] of young) {
    const was = old.get(what);
    if (was !== is) changes.push({ what, was, is });
  }
  for (const [what, was] of old) {
    if (!young.has(what)) changes.push({ what, was, is: undefined });
  }
  // texts of secrets are equal
  const keys = [before, after].map((config) => Buffer.from(config.switch?.key ?? []));
  if (!keys[0]!.equals(keys[1]!))
    changes.push({ what: 'switch.key', was: '(a key)', is: '(a key)' });
  return changes;
}

export function describeChange({ what, was, is }: Change): string {
  if (was === undefined) return `+ ${what}: ${is}`;
  if (is === undefined) return `- ${what}: ${was}`;
  return `~ ${what}: ${was} -> ${is}`;
}

function isTaken({ what, was, is }: Change): boolean {
  // requests are gathered by it
  if (/^services\[.*\]\.protocol$/.test(what)) return was === undefined || is === undefined;
  const [section = '', key = ''] = what.split(/[.[]/);
  if (section === 'switch') return WHILE_RUNNING_IN_SWITCH.includes(key);
  return WHILE_RUNNING.includes(section);
}

function pathOf(what: string, { services, roles, inFront }: Config): Path {
  const parts = what.split(/[.[\]]+/).filter((part) => part !== '');
  if (parts[0] === 'switch' && !roles.includes('switch')) parts[0] = 'distributor';
  if (parts[0] === 'servers' && inFront) parts[0] = 'distributors';
  if (parts[0] !== 'services') return parts;
  const index = services.findIndex(({ name }) => name === parts[1]);
  return ['services', index, ...parts.slice(2)];
}

function isOwnServer({ name, roles, servers }: Config): boolean {
  return roles.includes('agent') && servers.some((server) => server.name === name);
}

/** What of the newer configuration cannot be had without a restart. */
export function restartProblems(running: Config, wanted: Config): Problem[] {
  const problems = differences(running, wanted)
    .filter((change) => !isTaken(change))
    .map(({ what, was, is }): Problem => {
      const found = is ?? 'nothing';
      const text = `cannot change while baton runs: expected ${was ?? 'nothing'}, found ${found}`;
      return { path: pathOf(what, wanted), text: `${text} (restart it, or take the change back)` };
    });
  for (const { name, splice } of wanted.servers) {
    const before = running.servers.find((server) => server.name === name);
    if (!before || !before.splice === !splice) continue;
    const text = 'cannot change while baton runs: whether it has an agent (use another name)';
    problems.push({ path: ['servers', name], text });
  }
  if (isOwnServer(running) !== isOwnServer(wanted)) {
    const text = 'cannot change while baton runs: whether this host is one of its own servers';
    problems.push({ path: ['servers'], at: 'key', text });
  }
  return problems;
}
