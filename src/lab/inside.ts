// Entry of the programs that run inside a host of the lab:
//   lab-inside.mjs echo NAME PORT      the built-in web server
//   lab-inside.mjs requests PLAN       sends the requests of the plan (JSON), prints the results (JSON)
//   lab-inside.mjs visits PLAN PER_S   sends the plan's requests round and round until it is ended
//   lab-inside.mjs load PLAN           steady clients, prints what became of them (JSON)
//   lab-inside.mjs relay PLAN          a bad link between two devices that it makes
//   lab-inside.mjs resolver PLAN       a name server for the lab's one name
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEchoServer } from './echo-server.ts';
import { runRelay, type RelayPlan } from './relay.ts';
import { sendRequests, type RequestPlan } from './requests.ts';
import { runResolver, type ResolverPlan } from './resolver.ts';
import { runLoad, type LoadPlan } from './steady-load.ts';

const BACKLOG = 1024;

function echo(name: string, port: number): void {
  createEchoServer(name).listen({ port, host: '::', backlog: BACKLOG }, () =>
    console.log(`echo: ${name} listens on port ${port}`),
  );
}

/** One request to itself: the first one of a process takes tens of ms that are not the network's. */
async function warmUp(plan: RequestPlan): Promise<void> {
  const server = createEchoServer('self').listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await sendRequests({ ...plan, address: '127.0.0.1', port, targets: ['/'] });
  server.close();
}

async function visit(plan: RequestPlan, perSecond: number): Promise<void> {
  for (let turn = 0; ; turn++) {
    const target = plan.targets[turn % plan.targets.length] ?? '/';
    await sendRequests({ ...plan, targets: [target] }).catch((error: Error) =>
      console.log(error.message),
    );
    await sleep(1000 / perSecond);
  }
}

async function main(
  program: string | undefined,
  [first = '', second = '']: string[],
): Promise<void> {
  if (program === 'echo') {
    echo(first, Number(second));
  } else if (program === 'requests') {
    const plan = JSON.parse(first) as RequestPlan;
    await warmUp(plan);
    console.log(JSON.stringify(await sendRequests(plan)));
  } else if (program === 'visits') {
    await visit(JSON.parse(first) as RequestPlan, Number(second));
  } else if (program === 'load') {
    const load = JSON.stringify(await runLoad(JSON.parse(first) as LoadPlan));
    // a long text is not out when write() comes back
    process.stdout.write(load, () => process.exit(0));
  } else if (program === 'relay') {
    runRelay(JSON.parse(first) as RelayPlan);
  } else if (program === 'resolver') {
    runResolver(JSON.parse(first) as ResolverPlan);
  } else {
    console.error(`lab: no program "${program}"`);
    process.exitCode = 2;
  }
}

const [program, ...args] = process.argv.slice(2);
void main(program, args);
