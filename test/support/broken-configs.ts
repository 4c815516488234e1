// A switch's configuration and fifty ways to break it.

export interface BrokenConfig {
  /** what a person did */
  mistake: string;
  /** this text of the good file ... */
  from: string;
  /** ... became this one; § marks the place that the refusal must name */
  to: string;
  /** what the refusal must say */
  says: string;
}

const MARK = '§';

/** The part that a running switch can take anew; `head` is the rest, `key: value` lines. */
export function switchFile(head: string): string {
  return `${head}
timing: { lingerMs: 60000, idleTimeoutMs: 3600000 }
servers:
  - { name: server1, agent: 10.80.11.2:7080, port: 80, weight: 1 }
  - { name: server2, agent: 10.80.12.2:7080, port: 80, weight: 2 }
  - { name: server3, agent: 10.80.13.2:7080, port: 80 }
pools:
  - { name: default, servers: [server1, server2], policy: round-robin }
  - { name: images, servers: [server3], policy: lard, tLow: 20, tHigh: 60 }
services:
  - name: web
    vip: [192.0.2.80, '2001:db8:80::80']
    port: 80
    pool: default
    rules:
      - { match: { path: /images/* }, pool: images }
      - { match: { host: static.example, method: GET, header: { accept: '*' } }, pool: images }
`;
}

const change = (mistake: string, from: string, to: string, says: string): BrokenConfig => {
  return { mistake, from, to, says };
};

const KEYS: BrokenConfig[] = [
  ['servers:\n', '§severs:\n', 'servers'],
  ['pools:\n', '§pool:\n', 'pools'],
  ['services:\n', '§service:\n', 'services'],
  ['timing:', '§timming:', 'timing'],
  ['lingerMs:', '§lingerMS:', 'lingerMs'],
  ['idleTimeoutMs:', '§idleTimeout:', 'idleTimeoutMs'],
  ['agent: 10.80.12', '§agnet: 10.80.12', 'agent'],
  ['weight: 2', '§wieght: 2', 'weight'],
  ['weight: 1', '§weigth: 1', 'weight'],
  ['port: 80 }\npools', '§prot: 80 }\npools', 'port'],
  ['policy: lard', '§polcy: lard', 'policy'],
  ['tLow:', '§tLo:', 'tLow'],
  ['tHigh:', '§thigh:', 'tHigh'],
  ['servers: [server3]', '§server: [server3]', 'servers'],
  ['vip: [', '§vips: [', 'vip'],
  ['rules:', '§rule:', 'rules'],
  ['match: { path', '§mtach: { path', 'match'],
  ['path: /images', '§paht: /images', 'path'],
  ['host: static', '§hots: static', 'host'],
  ['method:', '§methd:', 'method'],
  ['header:', '§headers:', 'header'],
].map(([from = '', to = '', known = '']) => {
  return change(`a key near "${known}"`, from, to, `did you mean "${known}"?`);
});

const NAMES: BrokenConfig[] = [
  change('a server', '[server1, server2]', '[§sever1, server2]', 'did you mean "server1"?'),
  change('a server', '[server1, server2]', '[server1, §server_2]', 'did you mean "server2"?'),
  change('a far name', '[server3]', '[§other]', 'known are server1, server2, server3'),
  change('a pool', 'pool: default', 'pool: §defualt', 'did you mean "default"?'),
  change('a pool', '/* }, pool: images', '/* }, pool: §image', 'did you mean "images"?'),
  change('a policy', 'policy: round-robin', 'policy: §roundrobin', 'did you mean "round-robin"?'),
  change('a policy', 'policy: lard', 'policy: §lrad', 'did you mean "lard"?'),
];

const VALUES: BrokenConfig[] = [
  change('port 0', '2:7080, port: 80, weight: 1', '2:7080, port: §0, weight: 1', 'expected a port'),
  change('a large port', '    port: 80', '    port: §65536', 'expected a port (1 to 65535)'),
  change('a port as text', '    port: 80', '    port: §"80"', 'expected a port (1 to 65535)'),
  change('no weight', 'weight: 2', 'weight: §0', 'expected a weight above 0'),
  change('a negative weight', 'weight: 1', 'weight: §-1', 'expected a weight above 0'),
  change('an address', '192.0.2.80', '§192.0.2.800', 'expected a unicast IPv4 or IPv6 address'),
  change('a multicast', '192.0.2.80', '§224.0.0.1', 'expected a unicast IPv4 or IPv6 address'),
  change('an agent without port', '10.80.12.2:7080', '§10.80.12.2', 'expected address:port'),
  change('an IPv6 agent', '10.80.12.2:7080', "§'fd80::2:7080'", 'expected address:port'),
  change('no server', '[server3]', '§[]', 'expected a list of server names, at least one'),
  change('thresholds', 'tLow: 20', 'tLow: §60', 'expected tLow below tHigh, found 60 and 60'),
  change('a time', 'lingerMs: 60000', 'lingerMs: §0', 'expected milliseconds (1 to 86400000)'),
  change('a time', 'lingerMs: 60000', 'lingerMs: §1 min', 'expected milliseconds (1 to 86400000)'),
  change('a path', 'path: /images/*', 'path: §images/*', 'expected a path that begins with / or *'),
  change('a method', 'method: GET', 'method: §"GET "', 'expected a method such as GET'),
  change('a number', "accept: '*'", 'accept: §5', 'expected a pattern (text in quotes)'),
  change('nothing to match', '{ path: /images/* }', '§{}', 'expected a condition (host, path,'),
  change('twice a server', 'name: server2', 'name: §server1', 'server "server1" stands here twice'),
];

const WHOLE: BrokenConfig[] = [
  change('a bracket', "80::80']\n    port", "80::80'\n    §port", 'not YAML'),
  change(
    'a host name',
    'name: switch',
    'name: §other',
    'cannot change while baton runs: expected s',
  ),
  change('workers', 'workers: 1', 'workers: §2', 'cannot change while baton runs: expected 1'),
  change(
    'a table',
    'table: keyed',
    'table: §paper',
    'cannot change while baton runs: expected key',
  ),
];

export const BROKEN: readonly BrokenConfig[] = [...KEYS, ...NAMES, ...VALUES, ...WHOLE];

/** The broken file and `line:column` of the place that the refusal must name. */
export function breakFile(good: string, broken: BrokenConfig): { text: string; place: string } {
  const at = good.indexOf(broken.from);
  if (at < 0) throw new Error(`"${broken.from}" is not in the good file`);
  const before = good.slice(0, at) + broken.to.slice(0, broken.to.indexOf(MARK));
  const text =
    good.slice(0, at) + broken.to.replace(MARK, '') + good.slice(at + broken.from.length);
  const lines = before.split('\n');
  return { text, place: `${lines.length}:${lines.at(-1)!.length + 1}` };
}
