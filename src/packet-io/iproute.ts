import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface Failure {
  code?: number | string;
  stderr?: string;
  message: string;
}

function mend(text: string): string {
  if (/Operation not permitted/.test(text)) return ' (CAP_NET_ADMIN is missing: run as root)';
  if (/Cannot find device/.test(text)) return ' (no such device in this network namespace)';
  return '';
}

/**
 * Runs `ip` with these arguments and returns what it printed. A failure throws with the whole command
 * line and what `ip` said.
 */
export async function ip(...args: string[]): Promise<string> {
  try {
    return (await run('ip', args)).stdout;
  } catch (error) {
    const failure = error as Failure;
    if (failure.code === 'ENOENT') {
      throw new Error('cannot run `ip`: install the package iproute2', { cause: error });
    }
    const said = (failure.stderr || failure.message).trim();
    throw new Error(`ip ${args.join(' ')}: ${said}${mend(said)}`, { cause: error });
  }
}

/** Like ip(), but true or false instead of text or an exception: for what may be there or gone already. */
export async function tryIp(...args: string[]): Promise<boolean> {
  try {
    await ip(...args);
    return true;
  } catch {
    return false;
  }
}

interface Link {
  ifname: string;
  mtu: number;
  link_type: string;
}

/** MTUs of the Ethernet links that are up, without that device. */
export async function ethernetMtus(device: string): Promise<number[]> {
  const links = JSON.parse(await ip('-j', 'link', 'show', 'up')) as Link[];
  return links
    .filter((link) => link.ifname !== device && link.link_type === 'ether')
    .map((link) => link.mtu);
}

/** The largest MTU that a device can be given. */
export async function mtuLimit(device: string): Promise<number> {
  const said = await ip('-d', '-j', 'link', 'show', 'dev', device);
  const [link] = JSON.parse(said) as { max_mtu?: number }[];
  return link?.max_mtu || Infinity; // 0: the driver names none
}

function sysctlPath(name: string): string {
  return `/proc/sys/${name}`;
}

/** Reads a kernel setting of this network namespace, e.g. `net/ipv4/ip_forward` (slashes, not dots). */
export async function readSysctl(name: string): Promise<string> {
  try {
    return (await readFile(sysctlPath(name), 'utf8')).trim();
  } catch (error) {
    throw new Error(`cannot read the kernel setting ${name}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Sets a kernel setting; does nothing when it has that value already (a read-only /proc is fine then). */
export async function writeSysctl(name: string, value: string | number): Promise<void> {
  const wanted = String(value);
  if ((await readSysctl(name)) === wanted) return;
  try {
    await writeFile(sysctlPath(name), wanted);
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(`cannot set the kernel setting ${name} to ${wanted}: ${why} (run as root)`, {
      cause: error,
    });
  }
}
