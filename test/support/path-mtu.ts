// Links of the lab that carry less than 1500 bytes, and what the server's kernel knows of them.
import type { Family, TestLab } from './lab.ts';
import { programFile } from './programs.ts';

export const NARROW = 1400;
/** The client's address and the first service address of server1. */
const ROUTE = {
  IPv4: ['10.80.1.2', 'from', '10.82.1.1'],
  IPv6: ['fd80:1::2', 'from', 'fd82:1::1'],
};

/** Both ends of the link between the router and a host. */
export async function narrowLink(lab: TestLab, host: string, mtu = NARROW): Promise<void> {
  await must(lab, 'router', ['ip', 'link', 'set', host, 'mtu', String(mtu)]);
  await must(lab, host, ['ip', 'link', 'set', 'eth0', 'mtu', String(mtu)]);
}

/** What the router can send to the client; the client itself does not know of it. */
export async function narrowToClient(lab: TestLab, mtu = NARROW): Promise<void> {
  await must(lab, 'router', ['ip', 'link', 'set', 'client', 'mtu', String(mtu)]);
}

async function must(lab: TestLab, host: string, command: string[]): Promise<string> {
  const { status, stdout, stderr } = await lab.run(host, command);
  if (status !== 0) throw new Error(`${host}: ${command.join(' ')}: ${stderr}`);
  return stdout;
}

const familyOption = (family: Family): string => (family === 'IPv6' ? '-6' : '-4');

/** The path's MTU to the client as server1's kernel has learned it; 0 when it has learned none. */
export async function learnedMtu(lab: TestLab, family: Family): Promise<number> {
  const command = ['ip', familyOption(family), 'route', 'get', ...ROUTE[family]];
  const route = await must(lab, 'server1', command);
  return Number(/expires .*?mtu (\d+)/.exec(route)?.[1] ?? 0);
}

export async function forgetMtu(lab: TestLab): Promise<void> {
  for (const family of ['-4', '-6']) {
    await must(lab, 'server1', ['ip', family, 'route', 'flush', 'cache']);
  }
}

/** A counter of a host's kernel, e.g. `TCPTimeouts` (/proc/net/netstat). */
export async function kernelCounter(lab: TestLab, host: string, name: string): Promise<number> {
  const lines = (await must(lab, host, ['cat', '/proc/net/netstat'])).split('\n');
  const names = lines.find((line) => line.startsWith('TcpExt:'))!.split(' ');
  const values = lines.findLast((line) => line.startsWith('TcpExt:'))!.split(' ');
  return Number(values[names.indexOf(name)]);
}

/** Sends packets from a host as they are. */
export async function sendRaw(lab: TestLab, host: string, packets: Uint8Array[]): Promise<void> {
  const program = programFile('raw-packet');
  const hex = packets.map((packet) => Buffer.from(packet).toString('hex'));
  await must(lab, host, [process.execPath, program, ...hex]);
}
