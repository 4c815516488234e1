// Entry of the programs that run inside a host of the lab:
//   lab-inside.mjs echo NAME PORT      the built-in web server
//   lab-inside.mjs requests PLAN       sends the requests of the plan (JSON), prints the results (JSON)
//   lab-inside.mjs visits PLAN PER_S   sends the plan's requests round and round until it is ended
import { setTimeout as sleep } from 'node:timers/promises';
import { createEchoServer } from './echo-server.ts';
import { sendRequests, type RequestPlan } from './requests.ts';

const BACKLOG = 1024;

function echo(name: string, port: number): void {
  createEchoServer(name).listen({ port, host: '::', backlog: BACKLOG }, () =>
    console.log(`echo: ${name} listens on port ${port}`),
  );
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

const [program, ...args] = process.argv.slice(2);
const [first = '', second = ''] = args;
if (program === 'echo') {
  echo(first, Number(second));
} else if (program === 'requests') {
  console.log(JSON.stringify(await sendRequests(JSON.parse(first) as RequestPlan)));
} else if (program === 'visits') {
  await visit(JSON.parse(first) as RequestPlan, Number(second));
} else {
  console.error(`lab: no program "${program}"`);
  process.exitCode = 2;
}
