// A switch at work gets new configurations, wrong and right ones.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import type { ServiceView } from '../../src/admin/services.ts';
import { adminSocket } from '../../src/lab/cluster-config.ts';
import { BROKEN, breakFile, switchFile, type BrokenConfig } from '../support/broken-configs.ts';
import type { TestLab } from '../support/lab.ts';

const TAKEN_LIMIT_MS = 10_000;
const REACHED_LIMIT_MS = 3000;

/** What a reload of the lab's switch answered, from its log. */
export interface Outcome {
  ok: boolean;
  lines: string[];
}

/** The switch of a lab as an operator sees it: its file, and signals. */
export class Operator {
  readonly #lab: TestLab;
  readonly #file: string;
  readonly good: string;

  constructor(lab: TestLab) {
    this.#lab = lab;
    this.#file = join(lab.directory, 'switch.yaml');
    const {
      name,
      roles,
      workers,
      engine,
      admin,
      tls,
      switch: section,
    } = parse(readFileSync(this.#file, 'utf8')) as Record<string, unknown>;
    const own = { name, roles, workers, engine, admin, tls, switch: section };
    this.good = switchFile(stringify(own).trim());
  }

  /** Writes the file, sends SIGHUP, and waits for what the switch says. */
  async hangUp(text: string): Promise<Outcome> {
    const before = this.#log().length;
    writeFileSync(this.#file, text);
    process.kill(this.#lab.hosts['switch']!.programs['baton']!, 'SIGHUP');
    const endMs = performance.now() + TAKEN_LIMIT_MS;
    for (;;) {
      await sleep(20);
      const said = this.#log().slice(before);
      const verdict = /^baton: reload: (done|refused|nothing has changed)/m.exec(said)?.[1];
      if (verdict !== undefined) {
        const lines = [...said.matchAll(/^baton: reload: (.*)$/gm)].map(([, line = '']) => line);
        return { ok: verdict !== 'refused', lines: lines.slice(1) };
      }
      if (performance.now() > endMs) throw new Error(`the switch says nothing: ${said}`);
    }
  }

  /** `baton reload`: exit status and what it prints. */
  async command(text: string): Promise<{ status: number; output: string }> {
    writeFileSync(this.#file, text);
    const program = fileURLToPath(new URL('./baton.mjs', import.meta.url));
    const socket = adminSocket(this.#lab.directory, 'switch');
    const run = await this.#lab.run('switch', ['node', program, 'reload', '--admin', socket]);
    return { status: run.status, output: run.stdout + run.stderr };
  }

  /** What is wrong with the refusal of a broken file; '' when it is as it must be. */
  async refusal(broken: BrokenConfig): Promise<string> {
    const { text, place } = breakFile(this.good, broken);
    const { ok, lines } = await this.hangUp(text);
    const start = `${this.#file}:${place}: `;
    if (!ok && lines.some((line) => line.startsWith(start) && line.includes(broken.says)))
      return '';
    return `${broken.mistake}: wanted ${start}... ${broken.says}; seen ${lines.join(' | ')}`;
  }

  services(): Promise<ServiceView[]> {
    return this.#lab.admin<ServiceView[]>('switch', '/services');
  }

  /** Waits for the channel to a server that was put in; ms until it was there. */
  async reached(name: string): Promise<number> {
    const startedMs = performance.now();
    const isUp = ({ pools }: ServiceView): boolean =>
      pools.some(({ servers }) => servers.some((server) => server.name === name && server.up));
    while (!(await this.services()).some(isUp)) {
      if (performance.now() > startedMs + REACHED_LIMIT_MS) throw new Error(`${name} is not up`);
      await sleep(20);
    }
    return Math.round(performance.now() - startedMs);
  }

  #log(): string {
    return this.#lab.file('switch.log');
  }
}

/** Every `step`-th of the fifty; what was wrong with refusals. */
export async function refusals(operator: Operator, step = 1): Promise<string[]> {
  const wrong: string[] = [];
  for (const [index, broken] of BROKEN.entries()) {
    if (index % step === 0) wrong.push(await operator.refusal(broken));
  }
  return wrong.filter((text) => text !== '');
}

/** Another weight, a pool with another policy, a server less, a rule more and a VIP more. */
export function changed(good: string): string {
  return good
    .replace('weight: 2', 'weight: 1')
    .replace(/ {2}- \{ name: server1.*\n/, '')
    .replace('[server1, server2], policy: round-robin', '[server2], policy: least-connections')
    .replace("80::80']", "80::80', 192.0.2.81]")
    .replace('    rules:\n', '    rules:\n      - { match: { path: /new/* }, pool: images }\n');
}
