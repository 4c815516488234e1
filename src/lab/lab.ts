// `baton lab`: the cluster in network namespaces of this machine, for a command, a tour or to look at.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runChaos } from './chaos.ts';
import { Lab, type LabOptions } from './cluster.ts';
import { showLive } from './live.ts';
import { isRoot, runRootless } from './rootless.ts';
import { MORTAL_HOST } from './strikes.ts';
import { runTour, startVisits } from './tour.ts';

export interface LabCommandOptions extends Omit<
  LabOptions,
  'switching' | 'signal' | 'hostile' | 'supervised' | 'program'
> {
  /** percent, ms, percent; all 0 or missing: the client's link is a good one */
  loss?: number;
  delay?: number;
  reorder?: number;
  /** of everything random in the lab */
  seed?: number;
  /** seconds; parts die at random while clients come, then there is a verdict */
  chaos?: number | undefined;
  /** hosts and web servers only: no switch, no agents */
  plain?: boolean | undefined;
  /** keep the directory with logs and configurations */
  keep?: boolean | undefined;
  /** send real requests and show what was measured, then stay up, or with `once` end */
  tour?: boolean | undefined;
  once?: boolean | undefined;
  /** runs in the client's namespace; empty: stay up and show figures until Ctrl-C */
  command: string[];
}

type LabTask = (lab: Lab, signal: AbortSignal) => Promise<number>;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const COMMAND_GRACE_MS = 3000;

/** Runs the lab; resolves with the exit status: the command's, 1 when the lab failed, 128 + signal. */
export async function labCommand(options: LabCommandOptions): Promise<number> {
  if (!isRoot()) return runRootless();
  const status = await withLab(options, async (lab, signal) => {
    if (options.command.length > 0) return runCommand(lab, options.command, signal);
    if (options.chaos !== undefined) {
      const seed = options.seed ?? randomInt(2 ** 32);
      const failed = await runChaos(lab, { seconds: options.chaos, seed }, signal);
      return failed === 0 ? 0 : 1;
    }
    const failed = options.tour ? await runTour(lab, signal) : 0;
    if (options.once) return failed === 0 ? 0 : 1;
    if (options.tour) startVisits(lab);
    await showLive(lab, signal);
    return 0;
  });
  // Ctrl-C is how a lab without a command is meant to end
  const hasTask = options.command.length > 0 || options.chaos !== undefined;
  const staysUp = !hasTask && options.once !== true;
  return staysUp && status === signalStatus('SIGINT') ? 0 : status;
}

/** Lab up, task, lab down: whatever happens. */
export async function withLab(options: LabCommandOptions, task: LabTask): Promise<number> {
  const abort = new AbortController();
  const onSignal = (name: NodeJS.Signals) => abort.abort(name);
  for (const name of SIGNALS) process.on(name, onSignal);
  let lab: Lab | undefined;
  let status = 1;
  try {
    const [switching, hostile] = [options.plain !== true, hostility(options)];
    const supervised = switching;
    const program = options.chaos === undefined ? undefined : MORTAL_HOST;
    lab = new Lab({ ...options, switching, hostile, supervised, program, signal: abort.signal });
    await lab.start();
    abort.signal.throwIfAborted();
    status = await task(lab, abort.signal);
  } catch (error) {
    if (!abort.signal.aborted) console.error(`baton: lab: ${(error as Error).message}`);
  } finally {
    if (lab) await end(lab, options.keep ?? false);
    for (const name of SIGNALS) process.off(name, onSignal);
  }
  return abort.signal.aborted ? signalStatus(abort.signal.reason as NodeJS.Signals) : status;
}

function hostility({ loss = 0, delay = 0, reorder = 0, seed = 1 }: LabCommandOptions) {
  if (loss === 0 && delay === 0 && reorder === 0) return undefined;
  return { lossPercent: loss, delayMs: delay, reorderPercent: reorder, seed };
}

async function end(lab: Lab, keep: boolean): Promise<void> {
  if (!keep) return lab.stop();
  // by a name that the next lab does not take for the remains of a dead one
  const keptAs = join(tmpdir(), `baton-kept-${process.pid}`);
  await lab.stop(keptAs);
  console.error(`baton: lab: logs and configurations: ${keptAs}`);
}

function signalStatus(name: NodeJS.Signals): number {
  return 128 + constants.signals[name];
}

async function runCommand(lab: Lab, command: string[], signal: AbortSignal): Promise<number> {
  const [program, ...args] = lab.inside('client', command);
  const child = spawn(program!, args, {
    stdio: 'inherit',
    env: { ...process.env, ...lab.environment },
  });
  const end = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, name) => resolve(name === null ? (code ?? 1) : signalStatus(name)));
  });
  signal.addEventListener('abort', () => {
    child.kill('SIGTERM');
    void sleep(COMMAND_GRACE_MS, undefined, { ref: false }).then(() => child.kill('SIGKILL'));
  });
  return end;
}
