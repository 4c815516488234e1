import { SERVICE_LIMIT } from '../../assembly/layout.ts';
import { formatEndpoint, parseAddress } from './address.ts';
import { Once, checkReference, list, namesOf, section, texts } from './loose.ts';
import type { Loose } from './loose.ts';
import type { Path, Problem } from './problem.ts';

/** What a rule can look at in a service of that protocol. */
const CONDITIONS = {
  http: ['host', 'path', 'method', 'header', 'cookie', 'query'],
  tls: ['sni', 'alpn'],
};

function checkConditions(
  problems: Problem[],
  path: Path,
  match: unknown,
  protocol: keyof typeof CONDITIONS,
): void {
  const found = Object.keys(section(match));
  const known = CONDITIONS[protocol];
  if (match !== undefined && found.length === 0) {
    problems.push({ path, text: `expected a condition (${known.join(', ')}), found none` });
  }
  const other = protocol === 'tls' ? 'http' : 'tls';
  for (const key of found.filter((name) => CONDITIONS[other].includes(name))) {
    const text = `a service of protocol ${protocol} has only ${known.join(', ')} to look at`;
    problems.push({ path: [...path, key], at: 'key', text });
  }
}

/** Of a service with protocol tcp nothing is read, so that no rule can look at anything. */
function checkProtocol(service: Loose, path: Path, problems: Problem[]): void {
  const isTcp = service['protocol'] === 'tcp';
  if (isTcp && list(service['rules']).length > 0) {
    const text = 'of protocol tcp nothing is read: expected no rules';
    problems.push({ path: [...path, 'rules'], at: 'key', text });
  }
  if (service['requests'] === 'per-request' && (service['protocol'] ?? 'http') !== 'http') {
    const text = 'only of a service with protocol http requests are read';
    problems.push({ path: [...path, 'requests'], text });
  }
  if (service['on'] !== undefined && !isTcp) {
    const text = 'only a service with protocol tcp has use for it';
    problems.push({ path: [...path, 'on'], at: 'key', text });
  }
}

function checkAffinity(problems: Problem[], path: Path, affinity: unknown, protocol: string): void {
  if (affinity === 'session' && protocol !== 'tls') {
    const text =
      'expected none or { cookie: NAME }: only a service of protocol tls has sessions to go by';
    problems.push({ path, text });
  }
  if (section(affinity)['cookie'] !== undefined && protocol !== 'http') {
    const text = `a service of protocol ${protocol} has no cookies to go by`;
    problems.push({ path, text });
  }
}

/** What a service of a switch that reads nothing has. */
const FRONT_KEYS = ['name', 'vip', 'port'];

function checkFrontKeys(service: Loose, path: Path, problems: Problem[]): void {
  for (const key of Object.keys(service)) {
    if (FRONT_KEYS.includes(key)) continue;
    const text = 'a switch in front of distributors has no use for it: they decide';
    problems.push({ path: [...path, key], at: 'key', text });
  }
}

/** Services against each other and against the pools; `inFront`: nothing is read here. */
export function checkServices(raw: Loose, inFront: boolean, problems: Problem[]): void {
  const pools = namesOf(raw['pools']);
  let places = 0;
  const once = new Once(problems);
  list(raw['services']).forEach((item, index) => {
    const service = section(item);
    const path = ['services', index];
    if (typeof service['name'] === 'string') {
      once.add(`service "${service['name']}"`, [...path, 'name']);
    }
    if (inFront) checkFrontKeys(service, path, problems);
    else if (service['pool'] === undefined) {
      const text = 'key "pool" is missing: expected the name of the pool when no rule matches';
      problems.push({ path, at: 'key', text });
    }
    if (!inFront) checkReference(problems, [...path, 'pool'], 'pool', service['pool'], pools);
    checkProtocol(service, path, problems);
    const port = service['port'] ?? 80;
    for (const [place, vip] of texts(service['vip'])) {
      const address = parseAddress(vip);
      if (!address || typeof port !== 'number') continue;
      once.add(formatEndpoint(address, port), [...path, 'vip', place]);
      places += 1;
      if (places !== SERVICE_LIMIT + 1) continue;
      const text = `expected at most ${SERVICE_LIMIT} addresses and ports of all services, found more`;
      problems.push({ path: [...path, 'vip', place], text });
    }
    const protocol = service['protocol'] === 'tls' ? 'tls' : 'http';
    checkAffinity(
      problems,
      [...path, 'affinity'],
      service['affinity'],
      String(service['protocol'] ?? 'http'),
    );
    if (service['protocol'] === 'tcp') return;
    list(service['rules']).forEach((rule, place) => {
      const { pool, match } = section(rule);
      checkReference(problems, [...path, 'rules', place, 'pool'], 'pool', pool, pools);
      checkConditions(problems, [...path, 'rules', place, 'match'], match, protocol);
    });
  });
}
