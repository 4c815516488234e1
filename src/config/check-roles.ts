// Which roles go together, and with which sections.
import { list, namesOf, section, texts } from './loose.ts';
import type { Loose } from './loose.ts';
import { Once } from './loose.ts';
import type { Problem } from './problem.ts';

/** A switch that reads nothing says so by naming distributors. */
export function isInFront(raw: Loose): boolean {
  return list(raw['distributors']).length > 0;
}

/** A dispatcher that others ask says so by listening. */
function isRemote(raw: Loose): boolean {
  return raw['dispatcher'] !== undefined && rolesOf(raw).includes('dispatcher');
}

function rolesOf(raw: Loose): string[] {
  return texts(raw['roles']).map(([, role]) => role);
}

/** Keys of a list of things that a host with other roles has no use for. */
const READERS_LISTS = ['servers', 'pools'];

export function checkRoles(raw: Loose, problems: Problem[]): void {
  const once = new Once(problems);
  for (const [index, role] of texts(raw['roles'])) once.add(`role "${role}"`, ['roles', index]);
  checkTogether(raw, problems);
  checkSections(raw, problems);
  checkLists(raw, problems);
  checkDevices(raw, problems);
}

/** `roles: [switch]` with servers is all three in one. */
function checkTogether(raw: Loose, problems: Problem[]): void {
  const roles = rolesOf(raw);
  const path = ['roles'];
  const reads = roles.includes('switch') || roles.includes('distributor');
  if (isRemote(raw) && roles.length > 1) {
    const text = 'expected role dispatcher alone, as it has the section "dispatcher:"';
    problems.push({ path, text });
  } else if (roles.includes('dispatcher') && !reads && !isRemote(raw)) {
    const or = 'or the section "dispatcher:" to listen for distributors of other hosts';
    problems.push({ path, text: `expected role distributor beside role dispatcher, ${or}` });
  }
  const isAlone = roles.includes('distributor') && !roles.includes('switch');
  if (isAlone && !roles.includes('agent')) {
    const text = 'expected role agent beside role distributor, which listens for both, or switch';
    problems.push({ path, text });
  }
  const other = roles.find((role) => role !== 'switch');
  if (!isInFront(raw) || other === undefined) return;
  const alone = 'expected role switch alone';
  const text = `a switch in front of distributors reads nothing itself: ${alone}, found ${other}, too`;
  problems.push({ path: ['distributors'], at: 'key', text });
}

function checkSections(raw: Loose, problems: Problem[]): void {
  const roles = rolesOf(raw);
  const needs = (role: string): boolean => {
    if (role === 'distributor' && roles.includes('switch')) return false;
    return roles.includes(role);
  };
  for (const role of ['switch', 'distributor', 'agent', 'dispatcher']) {
    const present = raw[role] !== undefined;
    if (needs(role) && !present && role !== 'dispatcher') {
      problems.push({ path: [], text: `role ${role} needs the section "${role}:"` });
    }
    if (!present || needs(role) || !Array.isArray(raw['roles'])) continue;
    const text = roles.includes(role)
      ? 'a host with role switch has its settings in the section "switch:"'
      : `section without the role: add ${role} to roles`;
    problems.push({ path: [role], at: 'key', text });
  }
}

/** The role that servers and pools are for. */
function listsRole(raw: Loose): string {
  if (rolesOf(raw).includes('switch')) return 'switch';
  return isRemote(raw) ? 'dispatcher' : 'distributor';
}

function checkLists(raw: Loose, problems: Problem[]): void {
  if (raw['roles'] !== undefined && !Array.isArray(raw['roles'])) return;
  const roles = rolesOf(raw);
  const role = listsRole(raw);
  const inFront = isInFront(raw);
  for (const key of ['servers', 'pools', 'services']) {
    const filled = list(raw[key]).length > 0;
    const isReaders = READERS_LISTS.includes(key);
    const isUsed = roles.includes(role) && (isReaders || role !== 'dispatcher');
    if (isUsed && !filled && !(inFront && isReaders)) {
      const absent = raw[key] === undefined || Array.isArray(raw[key]);
      const or = isReaders && role === 'switch' ? ', or "distributors" to stand in front of' : '';
      const text = `role ${role} needs at least one of "${key}"${or}`;
      if (absent) problems.push({ path: [key], at: 'key', text });
    }
    if (!filled || !Array.isArray(raw['roles'])) continue;
    const text = isUsed
      ? 'a switch in front of distributors has no use for it: it reads no requests'
      : 'only a host with role switch or distributor has use for it';
    if (!isUsed || (inFront && isReaders)) problems.push({ path: [key], at: 'key', text });
  }
  if (list(raw['dispatchers']).length > 0 && (inFront || role === 'dispatcher')) {
    const text = 'only a host that reads requests has use for it';
    problems.push({ path: ['dispatchers'], at: 'key', text });
  }
  if (!inFront || role === 'switch') return;
  const text = 'only a host with role switch has use for it';
  problems.push({ path: ['distributors'], at: 'key', text });
}

/** The parts of a host have a TUN each; a switch cannot hand over to itself alone. */
function checkDevices(raw: Loose, problems: Problem[]): void {
  const roles = rolesOf(raw);
  const reader = ['switch', 'distributor'].find((role) => raw[role] !== undefined);
  if (!roles.includes('switch') && !roles.includes('distributor')) return;
  const own = namesOf(raw['servers']).indexOf(String(raw['name']));
  if (own >= 0 && !roles.includes('agent')) {
    const text = 'is this host: add agent to its roles';
    problems.push({ path: ['servers', own, 'name'], text });
  }
  if (reader === undefined || raw['agent'] === undefined) return;
  const device = (role: string, otherwise: string): unknown =>
    section(raw[role])['device'] ?? otherwise;
  const first = device(reader, reader === 'switch' ? 'baton0' : 'baton1');
  if (first !== device('agent', 'baton0')) return;
  const text = `expected another device than that of the ${reader}, found ${String(first)} for both`;
  problems.push({ path: ['agent', 'device'], text });
}
