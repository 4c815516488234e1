// The router's rule that hides servers: nothing of the clients reaches handoff, service and control
// addresses, and no ICMP error of those reaches a client.
import { formatAddress, formatPrefix } from '../config/address.ts';
import type { Config } from '../config/config.ts';

export interface HiddenPrefix {
  text: string;
  family: 4 | 6;
}

function hidden(text: string): HiddenPrefix {
  return { text, family: text.includes(':') ? 6 : 4 };
}

/** What this host's configuration knows of it: the switch its agents, an agent its prefixes. */
export function hiddenPrefixes(config: Config | undefined): HiddenPrefix[] {
  if (!config) return [];
  const texts = [
    ...(config.agent?.handoff ?? []).map(formatPrefix),
    ...(config.agent?.service ?? []).map(formatPrefix),
    ...(config.agent ? [formatAddress(config.agent.listen.address)] : []),
    ...(config.switch?.splice?.source ?? []).map(formatPrefix),
    ...config.servers.map(({ agent }) => formatAddress(agent.address)),
  ];
  return [...new Set(texts)].map(hidden);
}

/** What stands for the addresses that no configuration told. */
const PLACES = ['HANDOFF_PREFIXES', 'SERVICE_PREFIXES', 'AGENT_ADDRESSES'];

/** An nftables file for the router, and the same for a router that has only iproute2. */
export function filterRule(prefixes: readonly HiddenPrefix[]): string {
  const families = ([4, 6] as const).flatMap((family) => {
    const own = prefixes.filter((prefix) => prefix.family === family).map(({ text }) => text);
    return own.length > 0 ? [{ name: family === 4 ? 'ip' : 'ip6', own }] : [];
  });
  if (families.length === 0) families.push({ name: 'ip', own: PLACES });
  const lines = families.flatMap(({ name, own }) => [
    `    iifname "CLIENTS" ${name} daddr { ${own.join(', ')} } drop`,
    `    oifname "CLIENTS" ${name} saddr { ${own.join(', ')} } drop`,
  ]);
  const rules = families.flatMap(({ name, own }) =>
    own.map((prefix) => {
      return `  ip ${name === 'ip6' ? '-6 ' : ''}rule add iif CLIENTS to ${prefix} blackhole`;
    }),
  );
  return [
    'table inet baton_hidden {',
    '  chain forward {',
    '    type filter hook forward priority filter; policy accept;',
    ...lines,
    '  }',
    '}',
    'or without nftables:',
    ...rules,
    '',
  ].join('\n');
}
