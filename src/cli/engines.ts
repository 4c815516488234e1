// Which packet engines this machine lets this user have, tried out; for baton doctor.
import { spawnSync } from 'node:child_process';
import type { EngineChoice } from '../config/choices.ts';
import type { Engine } from '../packet-io/engine.ts';

const PROBE_DEVICE = 'baton-probe';
const PROBE_PEER = 'baton-probe-io';
const PAGE = 65536;

/** All there are. */
export const NAMES: readonly Engine[] = ['tun', 'packet', 'xdp'];

/** Why not, with the mend; undefined: it is allowed. */
type Refusals = Record<Engine, string | undefined>;

export interface Engines {
  /** of `run`, here and as this user */
  here: Refusals;
  /** of the lab and the tests in namespaces that an ordinary user makes; missing: this is root */
  inNamespaces?: Refusals;
}

async function refusalOf(attempt: () => unknown): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Does what `run` will do, for a moment: a device, with two queues where that costs nothing. */
async function tryEngine(engine: Engine): Promise<string | undefined> {
  return refusalOf(async () => {
    const { deviceBytes, openDevice } = await import('../packet-io/engine.ts');
    const pages = Math.ceil(deviceBytes(engine, 1) / PAGE) + 1;
    const [queues, rings] = engine === 'tun' ? [2, []] : [1, [PAGE]];
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    openDevice(engine, PROBE_DEVICE, queues, memory, rings).close();
  });
}

/** As root of namespaces of one's own: who may open the file there may make the device. */
async function tryInNamespaces(here: string | undefined): Promise<Refusals> {
  const { asNamespaceRoot, namespaceRefusal } = await import('../packet-io/user-namespace.ts');
  const none = namespaceRefusal();
  if (none !== undefined) return { tun: none, packet: none, xdp: none };
  const { tunRefusal } = await import('../packet-io/tun.ts');
  const words = ['ip', 'link', 'add', PROBE_DEVICE, 'type', 'veth', 'peer', 'name', PROBE_PEER];
  const [program, ...args] = asNamespaceRoot(words);
  const { status, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
  const packet = status === 0 ? undefined : `cannot make a veth pair: ${stderr.trim()}`;
  // the kernel lets no namespace's root load programs
  return { tun: tunRefusal(), packet, xdp: here };
}

export async function tryEngines(): Promise<Engines> {
  const here: Refusals = {
    tun: await tryEngine('tun'),
    packet: await tryEngine('packet'),
    xdp: await tryEngine('xdp'),
  };
  if (process.getuid?.() === 0) return { here };
  return { here, inNamespaces: await tryInNamespaces(here.xdp) };
}

/** The one that runs, if that choice can. */
export function engineOf(refusals: Refusals, choice: EngineChoice): Engine | undefined {
  if (choice !== 'auto') return refusals[choice] === undefined ? choice : undefined;
  if (refusals.tun === undefined) return 'tun';
  return refusals.packet === undefined ? 'packet' : undefined;
}

/** One line: what is allowed, what runs, and what would allow the better one. */
export function describeEngines(refusals: Refusals, choice: EngineChoice): string {
  const { tun, packet } = refusals;
  const engine = engineOf(refusals, choice);
  const allowed = NAMES.filter((name) => refusals[name] === undefined);
  const list = allowed.length === 0 ? 'none is allowed' : `allowed: ${allowed.join(', ')}`;
  if (engine === 'tun' && refusals.xdp === undefined) {
    return `tun (${list}). For many small packets \`engine: xdp\` forwards more with the same CPU time.`;
  }
  if (engine === 'tun') return `tun (${list}). There is no better one.`;
  if (engine === 'xdp') {
    return (
      `xdp (${list}), as configured, with one copy each way: a veth pair has no zero-copy. ` +
      'For bulk transfers tun is the better one: whole segments of 64 KiB pass it.'
    );
  }
  if (engine === 'packet' && tun === undefined) {
    return `packet (${list}), as configured. tun is the better one: engine: auto takes it.`;
  }
  if (engine === 'packet')
    return `packet (${list}). tun is the better one, and not allowed: ${tun}.`;
  const reasons = NAMES.filter((name) =>
    choice === 'auto' ? name !== 'xdp' : choice === name,
  ).map((name) => `${name}: ${refusals[name]}`);
  // one reason for both, as a missing `unshare` is
  const why = choice === 'auto' && tun === packet ? tun : reasons.join('; ');
  return `none (${list}). ${why}.`;
}
