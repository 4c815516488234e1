// The lab without a command: says how to reach it, then shows figures until the signal.
import { once } from 'node:events';
import type { Lab } from './cluster.ts';

const INTERVAL_MS = 1000;

export async function showLive(lab: Lab, signal: AbortSignal): Promise<void> {
  const client = lab.namespaceOf('client');
  console.log(`The lab is up. Try: ip netns exec ${client} curl ${lab.environment['BATON_URL']}/`);
  console.log(`Logs and configurations: ${lab.directory}. Ctrl-C ends it.`);
  const timer = setInterval(() => {}, INTERVAL_MS);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(timer);
}
