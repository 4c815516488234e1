// A program that runs inside a host of the lab and writes its output into a log file.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startWords } from '../beside.ts';

const POLL_MS = 20;
const GRACE_MS = 4000;
const TAIL_LINES = 20;

/**
 * The words that run `command` inside a namespace. The pid is the program's own (each word before it
 * execs the next), and it ends when the lab is killed without a chance to end it.
 */
export function insideNamespace(namespace: string, command: string[]): string[] {
  const inside = ['ip', 'netns', 'exec', namespace, ...command];
  // setpriv is in util-linux, which every Debian has; other systems do without
  return existsSync('/usr/bin/setpriv') ? ['setpriv', '--pdeathsig', 'TERM', ...inside] : inside;
}

/** The words that run a program of inside.ts with its plan. */
export function insideCommand(program: string, plan: object, ...more: string[]): string[] {
  return [...startWords('lab-inside'), program, JSON.stringify(plan), ...more];
}

export interface ProgramPlan {
  /** what messages call it, e.g. `nginx of server1` */
  title: string;
  namespace: string;
  command: string[];
  logFile: string;
  environment?: Record<string, string>;
}

export class HostProcess {
  readonly title: string;
  readonly logFile: string;
  private readonly child: ChildProcess;
  private readonly logStart: number;
  private failure = '';
  /** resolves when it has ended, or could not be started */
  readonly ended: Promise<void>;

  constructor(plan: ProgramPlan) {
    this.title = plan.title;
    this.logFile = plan.logFile;
    const log = openSync(plan.logFile, 'a');
    this.logStart = fstatSync(log).size;
    const [program, ...args] = insideNamespace(plan.namespace, plan.command);
    this.child = spawn(program!, args, {
      stdio: ['ignore', log, log],
      // a session of its own: Ctrl-C at the terminal is for the lab, which then ends its programs
      detached: true,
      env: { ...process.env, ...plan.environment },
    });
    closeSync(log);
    this.child.on('error', (error) => (this.failure = error.message));
    this.ended = new Promise((resolve) => {
      for (const event of ['exit', 'error']) this.child.once(event, () => resolve());
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get hasEnded(): boolean {
    const { exitCode, signalCode } = this.child;
    return this.failure !== '' || exitCode !== null || signalCode !== null;
  }

  /** What it has printed; an earlier program with the same log file is not in it. */
  log(): string {
    return readFileSync(this.logFile).subarray(this.logStart).toString();
  }

  /** Waits until `isReady` holds. Throws with the log's end when the program ends or time is up first. */
  async ready(
    isReady: () => boolean | Promise<boolean>,
    limitMs: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!(await isReady())) {
      signal?.throwIfAborted();
      if (this.hasEnded) throw new Error(`${this.title} ${this.ending()}${this.tail()}`);
      if (performance.now() > deadline) {
        throw new Error(`${this.title} was not ready within ${limitMs} ms${this.tail()}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** How it ended, as the end of a sentence. */
  ending(): string {
    if (this.failure !== '') return `could not be started: ${this.failure}`;
    const { exitCode, signalCode } = this.child;
    return signalCode === null ? `ended with status ${exitCode}` : `was ended by ${signalCode}`;
  }

  private tail(): string {
    const lines = this.log().trimEnd().split('\n').slice(-TAIL_LINES);
    return `; the end of ${this.logFile}:\n${lines.map((line) => `  | ${line}`).join('\n')}`;
  }

  /** SIGTERM, and SIGKILL when it did not help. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    this.signal('SIGTERM');
    const deadline = performance.now() + GRACE_MS;
    while (!this.hasEnded) {
      if (performance.now() > deadline) this.signal('SIGKILL');
      await sleep(POLL_MS);
    }
  }

  signal(name: NodeJS.Signals): void {
    if (!this.hasEnded) this.child.kill(name);
  }
}
