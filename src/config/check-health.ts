import { parseAddress, parseEndpoint } from './address.ts';
import { list, section, texts } from './loose.ts';
import type { Loose } from './loose.ts';
import type { Path, Problem } from './problem.ts';

/** The services, protocol http, whose requests may go to that pool. */
function servicesOf(raw: Loose, pool: unknown): Loose[] {
  return list(raw['services'])
    .map(section)
    .filter(({ protocol }) => (protocol ?? 'http') === 'http')
    .filter((service) => {
      const rules = list(service['rules']).map((rule) => section(rule)['pool']);
      return [service['pool'], ...rules].includes(pool);
    });
}

function familyOf(server: Loose | undefined): number | undefined {
  const agent = server?.['agent'];
  return typeof agent === 'string' ? parseEndpoint(agent)?.address.length : undefined;
}

/** A check by handoff is a client of this very switch: it needs a VIP, and packets that come here. */
export function checkHealth(pool: Loose, path: Path, raw: Loose, problems: Problem[]): void {
  const health = section(pool['health']);
  if (section(health['check'])['handoff'] === undefined) return;
  const at = [...path, 'health', 'check', 'handoff'];
  const wrong = (text: string): void => void problems.push({ path: at, at: 'key', text });
  if (raw['distributor'] !== undefined || list(raw['peers']).length > 0) {
    wrong('only a switch that alone gets the packets of its VIPs has it: expected http or tcp');
  }
  if (health['port'] !== undefined) {
    const text = 'a check by handoff goes to the port of the service: expected no port';
    problems.push({ path: [...path, 'health', 'port'], at: 'key', text });
  }
  const vips = servicesOf(raw, pool['name']).flatMap(({ vip }) => texts(vip));
  const families = vips.map(([, vip]) => parseAddress(vip)?.length);
  const servers = texts(pool['servers']).map(([, name]) =>
    list(raw['servers'])
      .map(section)
      .find((server) => server['name'] === name),
  );
  const without = servers.map(familyOf).find((family) => family && !families.includes(family));
  if (without === undefined) return;
  const family = without === 4 ? 'IPv4' : 'IPv6';
  wrong(
    `expected a service of protocol http with this pool and an ${family} VIP, as its agents have`,
  );
}
