// What the schema can not see: names that must exist, things that must differ, sections that belong
// together. Works on the file's plain data, also when the schema has refused parts of it, so that
// all mistakes show at once.
import {
  formatEndpoint,
  formatPrefix,
  parseEndpoint,
  prefixContains,
  prefixesOverlap,
} from './address.ts';
import { checkRoles, isInFront } from './check-roles.ts';
import { checkPeers } from './check-peers.ts';
import { checkHealth } from './check-health.ts';
import { checkQuorum } from './check-quorum.ts';
import { checkServices } from './check-services.ts';
import { checkSplices } from './check-splices.ts';
import { Once, checkReference, list, namesOf, prefixesOf, section, texts } from './loose.ts';
import type { Loose, PlacedPrefix } from './loose.ts';
import { TIMING_DEFAULTS } from './config.ts';
import type { TimingConfig } from './config.ts';
import type { Path, Problem } from './problem.ts';
import { LARD, WITHOUT_TARGET } from './choices.ts';
import type { PolicyName } from './choices.ts';

function checkTransport(raw: Loose, problems: Problem[]): void {
  const tls = raw['tls'] !== undefined;
  const insecure = raw['insecure'] !== undefined;
  if (!tls && !insecure) {
    const text =
      'key "tls" is missing: expected ca, cert and key files, or insecure: true for trials';
    problems.push({ path: [], text });
  }
  if (tls && insecure) {
    problems.push({
      path: ['insecure'],
      at: 'key',
      text: 'contradicts "tls": keep one of the two',
    });
  }
}

function checkServers(raw: Loose, problems: Problem[]): void {
  const once = new Once(problems);
  list(raw['servers']).forEach((item, index) => {
    const { name, agent } = section(item);
    if (typeof name === 'string') once.add(`server "${name}"`, ['servers', index, 'name']);
    const endpoint = typeof agent === 'string' ? parseEndpoint(agent) : undefined;
    if (!endpoint) return;
    const where = formatEndpoint(endpoint.address, endpoint.port);
    once.add(`agent ${where}`, ['servers', index, 'agent']);
  });
}

function checkPools(raw: Loose, problems: Problem[]): void {
  const servers = namesOf(raw['servers']);
  const once = new Once(problems);
  list(raw['pools']).forEach((item, index) => {
    const pool = section(item);
    const path = ['pools', index];
    if (typeof pool['name'] === 'string') once.add(`pool "${pool['name']}"`, [...path, 'name']);
    const inPool = new Once(problems);
    for (const [place, server] of texts(pool['servers'])) {
      checkReference(problems, [...path, 'servers', place], 'server', server, servers);
      inPool.add(`server "${server}"`, [...path, 'servers', place]);
    }
    const { tLow, tHigh } = { ...LARD, ...pool };
    if (typeof tLow === 'number' && typeof tHigh === 'number' && tLow >= tHigh) {
      const key = pool['tLow'] === undefined ? 'tHigh' : 'tLow';
      const text = `expected tLow below tHigh, found ${tLow} and ${tHigh}`;
      problems.push({ path: [...path, key], text });
    }
    checkPolicy(pool, path, problems);
    checkQuorum(pool, path, raw, problems);
    checkHealth(pool, path, raw, problems);
  });
}

/** Hosts to spread over, and where the distributor of this host takes connections. */
function checkDistributors(raw: Loose, problems: Problem[]): void {
  const once = new Once(problems);
  list(raw['distributors']).forEach((item, index) => {
    const { name, control } = section(item);
    const path = ['distributors', index];
    if (typeof name === 'string') once.add(`distributor "${name}"`, [...path, 'name']);
    const endpoint = typeof control === 'string' ? parseEndpoint(control) : undefined;
    if (!endpoint) return;
    const where = formatEndpoint(endpoint.address, endpoint.port);
    once.add(`host ${where}`, [...path, 'control']);
  });
  const distributor = section(raw['distributor']);
  const agent = section(raw['agent']);
  const taken = ['handoff', 'service'].flatMap((key) => prefixesOf(agent, ['agent'], key, []));
  for (const prefix of prefixesOf(distributor, ['distributor'], 'addresses', problems)) {
    const other = taken.find((candidate) => prefixesOverlap(candidate, prefix));
    if (!other) continue;
    const text = `overlaps the agent's prefix ${formatPrefix(other)}`;
    problems.push({ path: prefix.path, text });
  }
}

/** A channel's peer is known by its name. */
function checkDispatchers(raw: Loose, problems: Problem[]): void {
  const once = new Once(problems);
  const others = [...namesOf(raw['servers']), String(raw['name'])];
  list(raw['dispatchers']).forEach((item, index) => {
    const { name } = section(item);
    const path = ['dispatchers', index, 'name'];
    if (typeof name !== 'string') return;
    once.add(`dispatcher "${name}"`, path);
    if (!others.includes(name)) return;
    const text = `expected a host of its own, "${name}" is a server or this host`;
    problems.push({ path, text });
  });
}

/** What one policy alone needs. */
function checkPolicy(pool: Loose, path: Path, problems: Problem[]): void {
  const policy = (pool['policy'] ?? 'lard') as PolicyName;
  if (pool['target'] !== undefined && WITHOUT_TARGET.includes(policy)) {
    const text = `policy ${policy} has no use for it: lard, maglev and their kind look at targets`;
    problems.push({ path: [...path, 'target'], at: 'key', text });
  }
  if (pool['policy'] === 'cap' && pool['classes'] === undefined) {
    const text = 'expected classes beside policy cap, such as ["/cgi-bin/*", "*.jpg"]';
    problems.push({ path: [...path, 'policy'], text });
  }
  const { idle = 30, overload = 130 } = section(pool['costs']);
  if (typeof idle === 'number' && typeof overload === 'number' && idle >= overload) {
    const text = `expected costs of idle below overload, found ${idle} and ${overload}`;
    problems.push({ path: [...path, 'costs'], text });
  }
}

function checkAgent(raw: Loose, problems: Problem[]): void {
  const agent = section(raw['agent']);
  const handoff = prefixesOf(agent, ['agent'], 'handoff', problems);
  const service = prefixesOf(agent, ['agent'], 'service', problems);
  const without = (from: PlacedPrefix[], others: PlacedPrefix[], other: string): void => {
    for (const prefix of from) {
      if (others.some(({ network }) => network.length === prefix.network.length)) continue;
      const family = prefix.network.length === 4 ? 'IPv4' : 'IPv6';
      problems.push({
        path: prefix.path,
        text: `agent.${other} has no ${family} prefix to go with it`,
      });
    }
  };
  // a prefix that could not be read may be the one that goes with it
  const isRead = (written: unknown, read: PlacedPrefix[]): boolean => {
    return Array.isArray(written) && read.length === written.length;
  };
  if (isRead(agent['service'], service)) without(handoff, service, 'service');
  if (isRead(agent['handoff'], handoff)) without(service, handoff, 'handoff');
  for (const prefix of service) {
    const other = handoff.find((candidate) => prefixesOverlap(candidate, prefix));
    if (!other) continue;
    problems.push({
      path: prefix.path,
      text: `overlaps the handoff prefix ${formatPrefix(other)}`,
    });
  }
  const listen = typeof agent['listen'] === 'string' ? parseEndpoint(agent['listen']) : undefined;
  if (listen && [...handoff, ...service].some((prefix) => prefixContains(prefix, listen.address))) {
    const text = 'expected an address of the host, found one of its handoff or service prefixes';
    problems.push({ path: ['agent', 'listen'], text });
  }
}

function checkTiming(raw: Loose, problems: Problem[]): void {
  const timing = section(raw['timing']);
  const below = (low: keyof TimingConfig, high: keyof TimingConfig): void => {
    const least = timing[low] ?? TIMING_DEFAULTS[low];
    const most = timing[high] ?? TIMING_DEFAULTS[high];
    if (typeof least !== 'number' || typeof most !== 'number' || least < most) return;
    const path = ['timing', timing[low] === undefined ? high : low];
    problems.push({ path, text: `expected ${low} below ${high}, found ${least} and ${most}` });
  };
  below('agentHandoffTimeoutMs', 'handoffTimeoutMs');
  below('pingIntervalMs', 'peerTimeoutMs');
  below('pingIntervalMs', 'leaseMs');
}

/** Mistakes between keys of the file's plain data. */
export function crossCheck(data: unknown): Problem[] {
  const problems: Problem[] = [];
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return problems;
  const raw = data as Loose;
  checkRoles(raw, problems);
  checkTransport(raw, problems);
  checkServers(raw, problems);
  checkPools(raw, problems);
  checkDistributors(raw, problems);
  checkDispatchers(raw, problems);
  checkPeers(raw, problems);
  checkServices(raw, isInFront(raw), problems);
  checkAgent(raw, problems);
  checkSplices(raw, problems);
  checkTiming(raw, problems);
  return problems;
}
