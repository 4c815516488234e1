// baton doctor: what this machine lets the program do, and what would mend the rest.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { OPERATOR_SETTINGS, firewallFindings } from '../agent/traps.ts';
import type { Finding as Trap } from '../agent/traps.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { EngineChoice } from '../config/choices.ts';
import { NAMES, describeEngines, engineOf, tryEngines, type Engines } from './engines.ts';
import { filterRule, hiddenPrefixes } from './filter-rule.ts';

type Grade = 'ok' | 'note' | 'bad';

interface Finding {
  grade: Grade;
  what: string;
  mend?: string;
}

const IPROUTE = 'ip';
const NFTABLES = 'nft';

function checkNode(): Finding {
  const version = process.versions.node;
  const enough = Number.parseInt(version, 10) >= 20;
  const mend = 'install Node 20 or newer';
  return enough
    ? { grade: 'ok', what: `Node ${version}` }
    : { grade: 'bad', what: `Node ${version} is too old`, mend };
}

function checkIproute(): Finding {
  try {
    const said = execFileSync(IPROUTE, ['-V'], { encoding: 'utf8' }).trim();
    return { grade: 'ok', what: `iproute2: ${said.replace(/^.*iproute2-?/, '')}` };
  } catch {
    const mend = 'apt-get install -y iproute2';
    return { grade: 'bad', what: 'iproute2 is missing (no program ip)', mend };
  }
}

function checkEngines({ here }: Engines, choice: EngineChoice): Finding[] {
  const runs = engineOf(here, choice);
  return NAMES.map((name): Finding => {
    const refusal = here[name];
    if (refusal === undefined) {
      return { grade: 'ok', what: `engine ${name}: its device was made and removed` };
    }
    const [, what = refusal, mend] = /^(.*?)(?: \((.*)\))?$/s.exec(refusal) ?? [];
    const grade = runs === undefined && [name, 'auto'].includes(choice) ? 'bad' : 'note';
    return { grade, what: `engine ${name}: ${what}`, ...(mend ? { mend } : {}) };
  });
}

/** Which one runs, for `run` and for the lab of an ordinary user. */
function formatEngines({ here, inNamespaces }: Engines, choice: EngineChoice): string {
  const line = `Engine: ${describeEngines(here, choice)}\n`;
  if (!inNamespaces) return line;
  const own = describeEngines(inNamespaces, 'auto');
  return `${line}Engine of npm start, npm test and lab, in this user's own namespaces: ${own}\n`;
}

function sysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function hasIPv6(config: Config | undefined): boolean {
  const addresses = (config?.services ?? []).flatMap(({ vip }) => vip);
  const prefixes = (config?.agent?.handoff ?? []).map(({ network }) => network);
  return [...addresses, ...prefixes].some(({ length }) => length === 16);
}

function checkForwarding(config: Config | undefined): Finding[] {
  const names = ['net/ipv4/ip_forward'];
  if (hasIPv6(config)) names.push('net/ipv6/conf/all/forwarding');
  return names.map((name): Finding => {
    const value = sysctl(name) ?? 'absent';
    if (value === '1') return { grade: 'ok', what: `${name} is 1` };
    const mend = `baton run sets it if it may; by hand: sysctl -w ${name.replaceAll('/', '.')}=1`;
    return { grade: 'note', what: `${name} is ${value}, 1 is needed`, mend };
  });
}

/**
 * The kernel takes the larger of `all` and the device's: strict filtering in `all` spoils the
 * TUN's.
 */
function checkReversePath(): Finding {
  const name = 'net/ipv4/conf/all/rp_filter';
  const value = sysctl(name) ?? 'absent';
  if (value !== '1') return { grade: 'ok', what: `${name} is ${value} (not strict)` };
  const mend = `sysctl -w ${name.replaceAll('/', '.')}=2: strict filtering drops one-way traffic`;
  return { grade: 'bad', what: `${name} is 1 (strict)`, mend };
}

/** What the agent's own check at its start finds, in this report's form. */
function trapped({ what, value, wanted, why, mend }: Trap): Finding {
  return { grade: 'bad', what: `${what} is ${value}, wanted ${wanted}: ${why}`, mend };
}

/** Rules that drop what connection tracking calls invalid; a note where the rules can not be read. */
function checkFirewall(): Finding[] {
  if (!existsSync('/proc/sys/net/netfilter/nf_conntrack_max')) return [];
  try {
    const ruleset = execFileSync(NFTABLES, ['list', 'ruleset'], { encoding: 'utf8' });
    const found = firewallFindings(ruleset).map(trapped);
    const fine: Finding = {
      grade: 'ok',
      what: 'no firewall rule drops what conntrack calls invalid',
    };
    return found.length > 0 ? found : [fine];
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing
      ? 'there is no program nft to read the rules'
      : 'the rules can not be read';
    const what = `conntrack is here and sees half of each connection; ${why}`;
    return [{ grade: 'note', what, mend: 'have no rule that drops "ct state invalid"' }];
  }
}

async function checkSwitch(config: Config): Promise<Finding[]> {
  const { checkHandoff } = await import('../agent/network.ts');
  const vips = config.services.flatMap(({ vip }) => vip);
  const prefixes = vips.map((vip) => ({ network: vip, length: vip.length * 8 }));
  const local = (await checkHandoff(prefixes)).map(({ mend, value }): Finding => {
    const what = `a VIP is ${value}: the kernel would answer in the switch's place`;
    return { grade: 'bad', what, mend };
  });
  const fine: Finding = { grade: 'ok', what: 'no VIP is an address of this host' };
  return local.length > 0 ? local : [fine];
}

function checkSettings(): Finding[] {
  return OPERATOR_SETTINGS.map(([name, wanted, why]): Finding => {
    const value = sysctl(name) ?? 'absent';
    if (value === wanted) return { grade: 'ok', what: `${name} is ${value}` };
    const mend = `sysctl -w ${name.replaceAll('/', '.')}=${wanted}`;
    return { grade: 'note', what: `${name} is ${value}, wanted ${wanted}: ${why}`, mend };
  });
}

async function checkAgent(config: Config): Promise<Finding[]> {
  const { checkHandoff } = await import('../agent/network.ts');
  const found = await checkHandoff(config.agent?.handoff ?? []);
  const name = 'net/ipv4/tcp_syncookies';
  const value = sysctl(name) ?? 'absent';
  const findings = [...found.map(trapped), ...checkSettings()];
  if (value === '0') return [...findings, { grade: 'ok', what: `${name} is 0` }];
  const what = `${name} is ${value}: the kernel's own cookies lose window scale and SACK`;
  const mend = 'sysctl -w net.ipv4.tcp_syncookies=0 (the switch has cookies)';
  return [...findings, { grade: 'note', what, mend }];
}

function formatFinding({ grade, what, mend }: Finding): string {
  const mark = { ok: 'ok  ', note: 'note', bad: 'BAD ' }[grade];
  return `${mark}  ${what}\n${mend === undefined || grade === 'ok' ? '' : `      mend: ${mend}\n`}`;
}

export interface DoctorReport {
  text: string;
  /** everything that `run` needs is here */
  fit: boolean;
}

/** Probes this machine. Throws ConfigError when a file is named that is wrong. */
export async function doctorCommand(options: {
  config?: string | undefined;
}): Promise<DoctorReport> {
  const config = options.config === undefined ? undefined : loadConfig(options.config);
  const choice = config?.engine ?? 'auto';
  const engines = await tryEngines();
  const findings = [checkNode(), checkIproute(), ...checkEngines(engines, choice)];
  findings.push(...checkForwarding(config), checkReversePath());
  findings.push(...checkFirewall());
  if (config?.switch) findings.push(...(await checkSwitch(config)));
  if (config?.agent) findings.push(...(await checkAgent(config)));
  const rule = filterRule(hiddenPrefixes(config));
  const scope = config?.agent ? '' : ' (add the handoff and service prefixes of all agents)';
  return {
    text:
      findings.map(formatFinding).join('') +
      `\n${formatEngines(engines, choice)}\n` +
      `On the router, with CLIENTS = its device towards the clients${scope}:\n${rule}`,
    fit: findings.every(({ grade }) => grade !== 'bad'),
  };
}
