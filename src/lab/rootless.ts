// The lab of an ordinary user: the same program again, as root of namespaces of its own.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { ownWords } from '../beside.ts';
import { asNamespaceRoot, namespaceRefusal } from '../packet-io/user-namespace.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** False in a user namespace that has one user alone: programs can not become somebody else there. */
export function hasOtherUsers(): boolean {
  try {
    const map = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
    return map.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2]), 0) > 1;
  } catch {
    return true;
  }
}

/** For a program that would become another user if it thought it were root: it is told that it is not. */
export function asOrdinaryUser(command: string[]): string[] {
  if (hasOtherUsers()) return command;
  return ['unshare', '--user', '--map-user=1000', '--map-group=1000', ...command];
}

/** Runs this process's command line again with the rights that the lab needs; its exit status. */
export async function runRootless(): Promise<number> {
  const refusal = namespaceRefusal();
  if (refusal !== undefined) {
    console.error(`baton: lab: ${refusal}`);
    return 1;
  }
  const [program, ...args] = asNamespaceRoot(ownWords());
  const child = spawn(program!, args, { stdio: 'inherit' });
  const forward = (name: NodeJS.Signals) => void child.kill(name);
  for (const name of SIGNALS) process.on(name, forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, name) => resolve(code ?? 128 + constants.signals[name ?? 'SIGTERM']));
    });
  } finally {
    for (const name of SIGNALS) process.off(name, forward);
  }
}
