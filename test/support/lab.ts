import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PartView, StatsView } from '../../src/admin/views.ts';
import { askAdmin } from '../../src/admin/client.ts';
import type { EngineChoice } from '../../src/config/choices.ts';
import { adminSocket } from '../../src/lab/cluster-config.ts';
import { Lab, type LabOptions } from '../../src/lab/cluster.ts';
import { wrongChecksums } from './kernel-counters.ts';

export interface Finished {
  /** exit status; 128 + signal when a signal ended it */
  status: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** ms; then the command gets SIGKILL. 60 s by default */
  timeout?: number;
  input?: string | Uint8Array;
}

const SIGKILL_STATUS = 137;

export type Family = 'IPv4' | 'IPv6';

export interface TestLabOptions extends LabOptions {
  /** which VIP BATON_VIP and BATON_URL name, IPv4 by default */
  family?: Family;
  /** of which switch, the first (0) by default */
  vipOf?: number | undefined;
}

/** A lab with what tests need around it. */
export class TestLab extends Lab {
  readonly #family: Family;
  readonly #vipOf: number;

  constructor(options: TestLabOptions) {
    const engine = process.env[ENGINE_VARIABLE] as EngineChoice | undefined;
    super({ ...(engine && { engine }), ...options });
    this.#family = options.family ?? 'IPv4';
    this.#vipOf = options.vipOf ?? 0;
  }

  override get environment(): Record<string, string> {
    const { vip, vip6 } = this.topology.switches[this.#vipOf]!;
    return {
      ...super.environment,
      ...(this.#family === 'IPv4'
        ? { BATON_VIP: vip, BATON_URL: `http://${vip}` }
        : { BATON_VIP: vip6, BATON_URL: `http://[${vip6}]` }),
    };
  }

  /** Runs a command in a host's namespace, with the BATON_* variables. */
  run(host: string, command: string[], options: RunOptions = {}): Promise<Finished> {
    const [program, ...args] = this.inside(host, command);
    return new Promise((resolve, reject) => {
      const child = spawn(program!, args, {
        env: { ...process.env, ...this.environment },
        timeout: options.timeout ?? 60_000,
        killSignal: 'SIGKILL',
      });
      const output = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'] as const) {
        child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
      }
      child.on('error', reject);
      child.on('close', (status) => resolve({ status: status ?? SIGKILL_STATUS, ...output }));
      child.stdin.on('error', () => {}); // a command that does not read its input
      child.stdin.end(options.input ?? '');
    });
  }

  /** What a host's admin socket answers, e.g. `/stats`, `/connections`. */
  admin<View>(host: string, path: string): Promise<View> {
    return askAdmin<View>(adminSocket(this.directory, host), path);
  }

  /** The part of a host's figures that its role has: `switch` or a server's name. */
  async stats(host: string): Promise<PartView> {
    const view = await this.admin<StatsView>(host, '/stats');
    return view.parts.find(({ role }) => role === 'switch') ?? view.parts[0]!;
  }

  /** What a file of the lab's directory holds, e.g. `switch.log`, `server1.access.log`. */
  file(name: string): string {
    return readFileSync(join(this.directory, name), 'utf8');
  }
}

/** the engine of labs whose test does not name one: the acceptance line `suite` runs tests with each */
export const ENGINE_VARIABLE = 'BATON_TEST_ENGINE';

const DEFAULTS: TestLabOptions = {
  servers: 1,
  server: 'echo',
  workers: 1,
  switching: true,
};

/** Lab up, body, lab down: whatever happens. Afterwards no kernel has seen a wrong checksum. */
export async function withLab<Result>(
  options: Partial<TestLabOptions>,
  body: (lab: TestLab) => Promise<Result>,
): Promise<Result> {
  const lab = new TestLab({ ...DEFAULTS, ...options });
  try {
    await lab.start();
    const result = await body(lab);
    const wrong = wrongChecksums(lab);
    if (wrong.length > 0) throw new Error(`wrong checksums: ${wrong.join(', ')}`);
    return result;
  } finally {
    await lab.stop();
  }
}
