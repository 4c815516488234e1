// The command line: arguments to commands, mistakes to one line and an exit status.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../config/problem.ts';
import { ENGINES, FRONTS, PLACEMENTS, POLICIES } from '../config/choices.ts';
import type { LabCommandOptions } from '../lab/lab.ts';
import { checkCommand } from './check.ts';
import type { CheckOptions } from './check.ts';
import { doctorCommand } from './doctor.ts';
import { connsCommand, listCommand, reloadCommand, statsCommand } from './inspect.ts';
import type { InspectOptions } from './inspect.ts';
import { runCommand } from './run.ts';
import type { RunOptions } from './run.ts';
import { addRebalance } from './rebalance.ts';
import { addServers } from './servers.ts';

/** What this folder does not know by itself. */
export interface ProgramParts {
  version: string;
  lab: (options: LabCommandOptions) => Promise<number>;
}

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 64) {
    throw new InvalidArgumentError('Expected a number from 1 to 64.');
  }
  return value;
}

function numberWithin(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+(\.\d+)?$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Options of a lab whose client has a bad link. */
function addHostility(lab: Command): Command {
  const percent = numberWithin(0, 100);
  const option = (flags: string, description: string, parse: (text: string) => number) =>
    lab.addOption(new Option(flags, description).argParser(parse));
  option('--loss <pct>', "the client's link loses that part of all packets, each way", percent);
  option('--delay <ms>', 'and delays them, each way', numberWithin(0, 10_000));
  option('--reorder <pct>', 'and lets later ones overtake that part', percent);
  return option('--seed <n>', 'of all that is random there', numberWithin(0, 2 ** 32 - 1));
}

function addInspectors(program: Command): void {
  const commands = [
    ['list', "services, pools and servers (columns of ipvsadm); an agent's switches", listCommand],
    ['conns', 'the connections in the table', connsCommand],
    ['stats', 'counters of workers, table, control plane and channels', statsCommand],
  ] as const;
  for (const [name, description, action] of commands) {
    program
      .command(name)
      .description(description)
      .option('--admin <path>', 'admin socket (else BATON_ADMIN, else /run/baton.sock)')
      .option('--json', 'for programs')
      .action(async (options: InspectOptions) => {
        process.stdout.write(await action(options));
      });
  }
}

function addKeygen(program: Command): void {
  program
    .command('keygen')
    .description('keys for the control channel: a CA, and a certificate per host')
    .requiredOption('--out <dir>', 'folder for ca.pem, ca.key, NAME.pem, NAME.key')
    .argument('<names...>', 'host names, as in the configurations')
    .action(async (names: string[], { out }: { out: string }) => {
      const { writeKeys } = await import('../channel/keygen.ts');
      for (const file of await writeKeys(out, names)) process.stdout.write(`${file}\n`);
    });
}

/** Options of the lab that do not go together. */
function checkLab(
  options: Omit<LabCommandOptions, 'command'>,
  command: string[],
  refuse: (text: string) => void,
): void {
  if (options.chaos !== undefined && (options.server !== 'echo' || command.length > 0)) {
    refuse('--chaos has clients of its own, which ask the echo server');
  }
  if (options.tour && options.placement === 'co-located') {
    refuse('the tour shows what a switch that reads requests does');
  }
  if (options.tour && options.server !== 'echo') {
    refuse(`the tour reads what the echo server answers, not ${options.server}`);
  }
  if ((options.splice ?? 0) > (options.servers ?? 0) || (options.proxy && !options.splice)) {
    refuse('--splice says how many of the servers, --proxy goes with it');
  }
  if (options.splice && options.placement === 'co-located') {
    refuse('in placement co-located every server has an agent');
  }
  if (options.placement === 'multiple' && (options.front ?? 'apart') !== 'apart') {
    refuse('in placement multiple every switch has a VIP of its own');
  }
}

function addLab(program: Command, parts: ProgramParts, finish: (status: number) => void): void {
  const command = program
    .command('lab')
    .description('a whole cluster as network namespaces on this machine')
    .addOption(new Option('--servers <n>', 'how many').argParser(count).default(3))
    .addOption(
      new Option('--server <kind>', 'web server')
        .choices(['echo', 'nginx', 'apache', 'haproxy'])
        .default('echo'),
    )
    .addOption(new Option('--workers <n>', "the switch's workers").argParser(count).default(1))
    .addOption(
      new Option('--placement <name>', 'what runs where').choices(PLACEMENTS).default('single'),
    )
    .addOption(new Option('--switches <n>', 'how many').argParser(count).default(1))
    .addOption(
      new Option(
        '--front <name>',
        'how several switches are reached: a VIP each (apart), or one for all',
      ).choices(FRONTS),
    )
    .addOption(
      new Option('--splice <n>', 'so many servers, the last ones, have no agent').argParser(count),
    )
    .option('--proxy', 'those are told their clients by PROXY protocol (needs nginx or apache)')
    .addOption(new Option('--policy <name>', "the pool's policy").choices(POLICIES))
    .addOption(new Option('--engine <name>', 'packet I/O').choices(ENGINES).default('auto'))
    .addOption(new Option('--table <mode>', "the switch's table").choices(['keyed', 'paper']))
    .option('--config <file>', 'laid over the generated configuration')
    .option('--tour', 'send real requests and show what happened (needs --server echo)')
    .option('--once', 'stop after that')
    .addOption(
      new Option('--chaos [seconds]', 'kill parts at random, restart them, and check the clients')
        .argParser(numberWithin(5, 600))
        .preset('40')
        .conflicts(['tour', 'plain', 'once']),
    )
    .addOption(new Option('--plain', 'hosts and web servers only').conflicts('tour'))
    .option('--keep', 'keep the folder with logs and configurations');
  addHostility(command)
    .argument('[command...]', "runs in the client's namespace (BATON_URL and others are set)")
    .passThroughOptions()
    .action(
      async (command: string[], options: Omit<LabCommandOptions, 'command'>, lab: Command) => {
        checkLab(options, command, (text) => lab.error(`error: ${text}`));
        const front = options.front ?? (options.placement === 'multiple' ? 'apart' : 'spare');
        const isOne = (options.switches ?? 1) === 1;
        finish(await parts.lab({ ...options, front: isOne ? 'apart' : front, command }));
      },
    );
}

/** The program; `finish` takes exit statuses other than 0. */
function makeProgram(parts: ProgramParts, finish: (status: number) => void): Command {
  const program = new Command('baton')
    .description('a content-aware one-way web switch')
    .version(`baton ${parts.version}`, '--version', 'the version')
    .helpOption('-h, --help', 'this text')
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'baton: ')) })
    .exitOverride();
  program
    .command('run')
    .description('run the roles of this host until SIGINT or SIGTERM')
    .requiredOption('-c, --config <file>', 'configuration')
    .addOption(new Option('--workers <n>', 'instead of the configured number').argParser(count))
    .action(async (options: RunOptions) => finish(await runCommand(options)));
  program
    .command('check')
    .description('check a configuration file')
    .option('-c, --config <file>', 'configuration')
    .option('--schema', 'print its JSON Schema instead')
    .action((options: CheckOptions, command: Command) => {
      if (!options.schema && options.config === undefined) {
        command.error("error: check needs '-c, --config <file>' or '--schema'");
      }
      process.stdout.write(checkCommand(options));
    });
  program
    .command('doctor')
    .description('what this machine lets the program do, and the mends')
    .option('-c, --config <file>', 'configuration')
    .action(async (options) => {
      const { text, fit } = await doctorCommand(options);
      process.stdout.write(text);
      if (!fit) finish(EXIT_FAILURE);
    });
  addInspectors(program);
  program
    .command('reload')
    .description('a running program takes its configuration file as it is now (as SIGHUP does)')
    .option('--admin <path>', 'admin socket (else BATON_ADMIN, else /run/baton.sock)')
    .option('--json', 'for programs')
    .action(async (options: InspectOptions) => {
      const { text, taken } = await reloadCommand(options);
      (taken ? process.stdout : process.stderr).write(text);
      if (!taken) finish(EXIT_FAILURE);
    });
  addServers(program, finish);
  addRebalance(program);
  addKeygen(program);
  addLab(program, parts, finish);
  return program;
}

/** One line per mistake of the user; a mistake of this program with its stack. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) {
    return error.problems.map((problem) => `baton: ${problem}\n`).join('');
  }
  if (error instanceof TypeError || error instanceof ReferenceError) {
    return `baton: a mistake of the program: ${error.stack}\n`;
  }
  const text = error instanceof Error ? error.message : String(error);
  return `baton: ${text.trim().replaceAll('\n', ' ')}\n`;
}

/** Runs a command; resolves with the exit status. */
export async function execute(argv: readonly string[], parts: ProgramParts): Promise<number> {
  let status = 0;
  const program = makeProgram(parts, (found) => (status = found));
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    // commander has printed its own already
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    process.stderr.write(explain(error));
    return EXIT_FAILURE;
  }
}
