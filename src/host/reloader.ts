import type { Config } from '../config/config.ts';
import { describeChange, differences, restartProblems } from '../config/difference.ts';
import {
  checkRemoval,
  isNamed,
  readMember,
  withMembers,
  withoutServer,
  type Member,
  type WantedMember,
} from '../config/members.ts';
import { ConfigError, formatPath } from '../config/problem.ts';
import { readTls, type Ground } from './ground.ts';
import type { RunningPart, RunningRole } from './running-part.ts';

/** What came of a reload, or of another change while running, one line for each change or mistake. */
export interface Reloaded {
  ok: boolean;
  lines: string[];
}

/** A configuration to run with: what the file says, and the servers over it. */
interface Wanted {
  file: Config;
  members: Member[];
}

const RELOAD = 'reload';

/** In one text, so that nobody who follows the log sees the verdict without its reasons. */
function report(what: string, verdict: string, lines: string[]): string {
  return [verdict, ...lines].map((line) => `${what}: ${line}`).join('\n');
}

function checkRestart(running: Config, next: Config): void {
  const problems = restartProblems(running, next);
  if (problems.length === 0) return;
  throw new ConfigError(problems.map(({ path, text }) => `${formatPath(path)}: ${text}`));
}

/** One change at a time: the next one begins when the parts have taken this one. */
export class Reloader {
  readonly #ground: Ground;
  readonly #roles: RunningRole[];
  readonly #parts: RunningPart[];
  readonly #load: (running: Config) => Config;
  /** without the servers that were added while running */
  #file: Config;
  #members: Member[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    ground: Ground,
    roles: RunningRole[],
    parts: RunningPart[],
    load: (running: Config) => Config,
  ) {
    this.#ground = ground;
    this.#roles = roles;
    this.#parts = parts;
    this.#load = load;
    this.#file = ground.config;
  }

  /** What the roles run with. */
  get config(): Config {
    return this.#file;
  }

  /** The file decides about the servers that it names; others that were added stay. */
  reload(): Promise<Reloaded> {
    return this.#change(RELOAD, (running) => {
      const file = this.#load(running);
      return { file, members: this.#members.filter((member) => !isNamed(file, member)) };
    });
  }

  add(wanted: WantedMember): Promise<Reloaded> {
    return this.#change(`servers add ${wanted.name}`, (running) => ({
      file: this.#file,
      members: [...this.#members, readMember(wanted, running)],
    }));
  }

  /** Its connections go on. */
  remove(name: string): Promise<Reloaded> {
    return this.#change(`servers remove ${name}`, (running) => {
      checkRemoval(running, name);
      const members = this.#members.filter(({ server }) => server.name !== name);
      return { file: withoutServer(this.#file, name), members };
    });
  }

  /** What an operator has set while running and a reload did not touch. */
  #kept(): string[] {
    const added = this.#members.map(
      ({ server }) => `= servers[${server.name}]: added while running`,
    );
    const servers = this.#parts.flatMap((part) => part.servers());
    const closed = servers.filter(({ mode }) => mode !== 'ready');
    return [...added, ...closed.map(({ name, mode }) => `= servers[${name}]: ${mode}`)];
  }

  #change(what: string, make: (running: Config) => Wanted): Promise<Reloaded> {
    const done = this.#last.then(() => this.#once(what, make));
    this.#last = done;
    return done;
  }

  async #once(what: string, make: (running: Config) => Wanted): Promise<Reloaded> {
    const { notice } = this.#ground;
    const running = withMembers(this.#file, this.#members);
    try {
      const { file, members } = make(running);
      const next = withMembers(file, members);
      checkRestart(running, next);
      const tls = readTls(next);
      // the switch, if there is one, first: an agent takes everything
      for (const role of this.#roles.toReversed()) await role.reload(next, tls);
      [this.#file, this.#members] = [file, members];
      const changes = differences(running, next).map(describeChange);
      const lines = what === RELOAD ? [...changes, ...this.#kept()] : changes;
      notice(report(what, changes.length === 0 ? 'nothing has changed' : 'done', lines));
      return { ok: true, lines };
    } catch (error) {
      const lines = error instanceof ConfigError ? error.problems : [(error as Error).message];
      notice(report(what, 'refused, everything stays as it was', lines));
      return { ok: false, lines };
    }
  }
}
