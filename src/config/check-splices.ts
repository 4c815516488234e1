// Servers without an agent: what each of them needs, and what the host that splices for them needs.
import { SPLICE_PORT_BITS } from '../../assembly/calls.ts';
import { formatPrefix, halves, parseAddress, prefixSize, prefixesOverlap } from './address.ts';
import { isInFront } from './check-roles.ts';
import { Once, list, namesOf, prefixesOf, section, texts } from './loose.ts';
import type { Loose, PlacedPrefix } from './loose.ts';
import type { Path, Problem } from './problem.ts';

const CONNECTIONS_DEFAULT = 65536;
/** Each half needs an address to give. */
const SPARE_BITS = 3;

export function isSpliced(server: unknown): boolean {
  return section(server)['splice'] !== undefined;
}

function familyOf(bytes: Uint8Array): string {
  return bytes.length === 4 ? 'IPv4' : 'IPv6';
}

/** Also where they are only counted, as in a dispatcher. */
export function checkSplices(raw: Loose, problems: Problem[]): void {
  const servers = list(raw['servers']);
  servers.forEach((item, index) => checkServer(section(item), ['servers', index], problems));
  const sources = checkSource(raw, problems);
  const roles = texts(raw['roles']).map(([, role]) => role);
  const index = servers.findIndex(isSpliced);
  if (index < 0) return;
  const path = ['servers', index, 'splice'];
  if (roles.includes('distributor') && !roles.includes('switch')) {
    const text = 'only a host with role switch can have servers without an agent';
    problems.push({ path, at: 'key', text });
  } else if (roles.includes('switch') && section(raw['switch'])['splice'] === undefined) {
    const text =
      'needs "splice:" in the section "switch:", with source: [a prefix routed to this host]';
    problems.push({ path, at: 'key', text });
  } else if (sources) checkFamilies(servers, sources, problems);
  checkProxies(raw, problems);
}

function checkServer(server: Loose, path: Path, problems: Problem[]): void {
  const { agent, address, splice } = server;
  const add = (key: string, text: string): void =>
    void problems.push({ path: [...path, key], at: 'key', text });
  if (agent !== undefined) {
    if (splice !== undefined) add('splice', 'contradicts "agent": only without one it is spliced');
    if (address !== undefined) add('address', 'contradicts "agent": keep one of the two');
  } else if (splice === undefined) {
    const text =
      'key "agent" is missing: expected address:port, or "address" and "splice: true" without an agent';
    problems.push({ path, at: 'key', text });
  } else if (address === undefined) {
    const text = 'key "address" is missing: expected the address of the spliced server';
    problems.push({ path, at: 'key', text });
  }
  const once = new Once(problems);
  for (const [place, found] of addressesOf(server)) {
    const at = typeof address === 'string' ? ['address'] : ['address', place];
    once.add(`an ${familyOf(found)} address`, [...path, ...at]);
  }
}

/** With their places. */
function addressesOf({ address }: Loose): [number, Uint8Array][] {
  const written = typeof address === 'string' ? [address] : address;
  return texts(written).flatMap(([place, text]): [number, Uint8Array][] => {
    const found = parseAddress(text);
    return found ? [[place, found]] : [];
  });
}

/** Undefined when there is no such section, or some of it cannot be read. */
function checkSource(raw: Loose, problems: Problem[]): PlacedPrefix[] | undefined {
  const own = section(raw['switch']);
  if (own['splice'] === undefined) return undefined;
  const splice = section(own['splice']);
  const base: Path = ['switch', 'splice'];
  if (isInFront(raw)) {
    const text = 'a switch in front of distributors has no use for it: it reads nothing';
    problems.push({ path: base, at: 'key', text });
  }
  const prefixes = prefixesOf(splice, base, 'source', problems, SPARE_BITS);
  const agent = section(raw['agent']);
  const taken = ['handoff', 'service'].flatMap((key) => prefixesOf(agent, ['agent'], key, []));
  const { connections = CONNECTIONS_DEFAULT } = splice;
  for (const { path, ...prefix } of prefixes) {
    const room = prefixSize(halves(prefix)[0]) * 2 ** SPLICE_PORT_BITS;
    if (typeof connections === 'number' && connections > room) {
      const text = `has room for ${room} connections, switch.splice.connections says more`;
      problems.push({ path, text });
    }
    const other = taken.find((candidate) => prefixesOverlap(candidate, prefix));
    if (!other) continue;
    problems.push({ path, text: `overlaps the agent's prefix ${formatPrefix(other)}` });
  }
  checkDevice(raw, String(splice['device'] ?? 'splice0'), problems);
  return prefixes.length === list(splice['source']).length ? prefixes : undefined;
}

function checkDevice(raw: Loose, device: string, problems: Problem[]): void {
  for (const part of ['switch', 'agent']) {
    if (raw[part] === undefined || (section(raw[part])['device'] ?? 'baton0') !== device) continue;
    const text = `expected another device than that of the ${part}, found ${device} for both`;
    problems.push({ path: ['switch', 'splice', 'device'], text });
  }
}

function checkFamilies(servers: unknown[], sources: PlacedPrefix[], problems: Problem[]): void {
  servers.forEach((item, index) => {
    const server = section(item);
    if (!isSpliced(server)) return;
    for (const [place, found] of addressesOf(server)) {
      if (sources.some(({ network }) => network.length === found.length)) continue;
      const at = typeof server['address'] === 'string' ? ['address'] : ['address', place];
      const text = `switch.splice.source has no ${familyOf(found)} prefix to go with it`;
      problems.push({ path: ['servers', index, ...at], text });
    }
  });
}

/** The header stands before the first byte, and a server that has the client's SYN has begun already. */
function checkProxies(raw: Loose, problems: Problem[]): void {
  const expecting = list(raw['servers']).filter(
    (server) => section(section(server)['splice'])['proxy'] !== undefined,
  );
  const names = namesOf(expecting);
  list(raw['services']).forEach((item, index) => {
    const { protocol, on = 'syn', pool } = section(item);
    if (protocol !== 'tcp' || on !== 'syn') return;
    const found = list(raw['pools']).find((each) => section(each)['name'] === pool);
    const [, name] =
      texts(section(found)['servers']).find(([, each]) => names.includes(each)) ?? [];
    if (name === undefined) return;
    const text = `expected "on: ack" beside it: server ${name} expects a PROXY protocol header`;
    problems.push({ path: ['services', index, 'protocol'], text });
  });
}
