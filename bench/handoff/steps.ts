// What happened to each connection between its SYN and the first byte of its reply, seen by tcpdump on the
// switch's and the server's host: one kernel, one clock. For connections that come one at a time.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestLab } from '../../test/support/lab.ts';
import { VIP4 } from '../../src/lab/topology.ts';

const SETTLE_MS = 400; // until tcpdump listens, and until it has written all
const AGENT = ':7080';
const VIP = `${VIP4}:80`;

/** us since the epoch, in CLOCK_REALTIME */
export interface Stamps {
  port: number;
  start: number;
  connected: number;
  sent: number;
  first: number;
}

interface Seen {
  us: number;
  isIn: boolean;
  from: string;
  to: string;
  flags: string;
  length: number;
}

const PACKET =
  /^(\d+)\.(\d+) .*?(In|Out) +IP ([\d.]+)\.(\d+) > ([\d.]+)\.(\d+): Flags \[(\S+)\],.* length (\d+)/;

function parse(line: string): Seen[] {
  const found = PACKET.exec(line);
  if (!found) return [];
  const [, seconds, fraction, way, from, fromPort, to, toPort, flags, length] = found;
  return [
    {
      us: Number(seconds) * 1e6 + Number(fraction) / 1e3,
      isIn: way === 'In',
      from: `${from}:${fromPort}`,
      to: `${to}:${toPort}`,
      flags: flags!,
      length: Number(length),
    },
  ];
}

/** Runs `body` while the TCP packets of a host are written to a file; what it saw then. */
export async function capture<Result>(
  lab: TestLab,
  hosts: string[],
  body: () => Promise<Result>,
): Promise<{ result: Result; seen: Seen[][] }> {
  const files = hosts.map((host) => join(lab.directory, `${host}.pcap`));
  const runs = hosts.map((host, index) => {
    const options = ['-i', 'any', '-s', '128', '--time-stamp-precision=nano', '-w', files[index]!];
    const [program, ...args] = lab.inside(host, ['tcpdump', '-Z', 'root', ...options, 'tcp']);
    return spawn(program!, args, { stdio: 'ignore' });
  });
  await sleep(SETTLE_MS);
  const result = await body();
  await sleep(SETTLE_MS);
  for (const run of runs) run.kill('SIGINT');
  await Promise.all(runs.map((run) => run.exitCode ?? once(run, 'exit')));
  const read = (file: string): Seen[] => {
    const args = ['-nn', '-tt', '--time-stamp-precision=nano', '-r', file];
    const text = execFileSync('tcpdump', args, {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.split('\n').flatMap(parse);
  };
  return { result, seen: files.map(read) };
}

/** The steps' names, in order, each with how long it took (us) in one connection. */
export type Steps = Record<string, number>;

/** Steps of one connection; undefined when tcpdump has missed a packet. */
export function stepsOf(
  stamps: Stamps,
  atSwitch: readonly Seen[],
  atServer: readonly Seen[],
): Steps | undefined {
  const { port, start, connected, sent, first } = stamps;
  const client = `:${port}`;
  const within = ({ us }: Seen): boolean => us >= start && us <= first + 1e6;
  const switchSaw = atSwitch.filter(within);
  const serverSaw = atServer.filter(within);
  const head = switchSaw.find((one) => one.isIn && one.to === VIP && one.length > 0);
  const after = (us: number | undefined, seen: Seen[], is: (one: Seen) => boolean) =>
    seen.find((one) => us !== undefined && one.us >= us && is(one))?.us;
  const handoff = after(
    head?.us,
    switchSaw,
    (one) => !one.isIn && one.to.endsWith(AGENT) && one.length > 0,
  );
  const heard = after(
    handoff,
    serverSaw,
    (one) => one.isIn && one.to.endsWith(AGENT) && one.length > 0,
  );
  const isReplayed = (one: Seen): boolean =>
    one.isIn && one.from.endsWith(client) && one.to.startsWith('10.82.');
  const syn = after(heard, serverSaw, (one) => isReplayed(one) && one.flags === 'S');
  const given = after(syn, serverSaw, (one) => isReplayed(one) && one.length > 0);
  const replied = after(given, serverSaw, (one) => one.from.startsWith('10.82.') && one.length > 0);
  const ready = after(
    given,
    serverSaw,
    (one) => !one.isIn && one.from.endsWith(AGENT) && one.length > 0,
  );
  const left = after(replied, serverSaw, (one) => !one.isIn && one.from === VIP && one.length > 0);
  const times = [head?.us, handoff, heard, syn, given, replied, left, ready];
  if (times.some((us) => us === undefined)) return undefined;
  const at = times as number[];
  return {
    'SYN to SYN-ACK': connected - start,
    'request written': sent - connected,
    'request reaches the switch': at[0]! - sent,
    'decision: handoff leaves': at[1]! - at[0]!,
    'handoff reaches the agent': at[2]! - at[1]!,
    'SYN into the server': at[3]! - at[2]!,
    'request into the server': at[4]! - at[3]!,
    'server replies': at[5]! - at[4]!,
    'reply leaves the host': at[6]! - at[5]!,
    'first byte read': first - at[6]!,
    'ready, after the request is given': at[7]! - at[4]!,
  };
}
