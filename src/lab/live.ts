// The lab without a command: says how to reach it, then shows figures until the signal.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from './cluster.ts';
import { hasOtherUsers } from './rootless.ts';
import { readSwitchFigures, type SwitchFigures } from './figures.ts';

const INTERVAL_MS = 1000;
/** Without a terminal a line stays, so there are fewer of them. */
const PLAIN_INTERVAL_MS = 10_000;

export async function showLive(lab: Lab, signal: AbortSignal): Promise<void> {
  const url = lab.environment['BATON_URL'];
  console.log(`\nThe lab is up; Ctrl-C ends it. A request of your own, from another terminal:`);
  console.log(`   ${enterClient(lab)} curl ${url}/any/path`);
  if (lab.hasSwitch) {
    const socket = lab.environment['BATON_ADMIN'];
    console.log(`The switch's table (list and stats work likewise):`);
    console.log(`   npm run -s baton -- conns --admin ${socket}`);
  }
  console.log(`Logs and configurations: ${lab.directory}\n`);
  const interval = process.stdout.isTTY ? INTERVAL_MS : PLAIN_INTERVAL_MS;
  let before: SwitchFigures | undefined;
  while (!signal.aborted) {
    if (lab.hasSwitch) {
      const now = await readSwitchFigures(lab.directory);
      if (before) show(describe(before, now, interval / 1000));
      before = now;
    }
    await sleep(interval, undefined, { signal }).catch(() => {});
  }
  if (process.stdout.isTTY) console.log();
}

/** The words with which another terminal's command runs at the client. */
function enterClient(lab: Lab): string {
  if (hasOtherUsers()) return `ip netns exec ${lab.namespaceOf('client')}`;
  return `nsenter --preserve-credentials -U -n -t ${lab.hosts['client']?.pid}`;
}

function show(line: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\u001B[K${line}`);
  else console.log(line);
}

function describe(before: SwitchFigures, now: SwitchFigures, seconds: number): string {
  const rate = (name: 'received' | 'forwarded' | 'answered' | 'bytesForwarded') =>
    (now[name] - before[name]) / seconds;
  return [
    `connections ${now.connections}`,
    `handoffs ${now.control.ready} (${((now.control.ready - before.control.ready) / seconds).toFixed(0)}/s)`,
    `packets/s in ${rate('received').toFixed(0)}`,
    `forwarded ${rate('forwarded').toFixed(0)}`,
    `answered ${rate('answered').toFixed(0)}`,
    `${(rate('bytesForwarded') / 1e6).toFixed(2)} MB/s`,
  ].join('   ');
}
