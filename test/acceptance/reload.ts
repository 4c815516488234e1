// Configurations are taken while connections are open: fifty wrong ones change nothing, right ones
// apply, and no connection minds.
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../../src/lab/send.ts';
import { Operator, changed, refusals } from '../reload/reloads.ts';
import { withLab, type TestLab } from '../support/lab.ts';
import { programFile } from '../support/programs.ts';
import { Report } from '../support/report.ts';

const SECONDS = 40;
const KEPT = 30;
const LIVE = 10;
const ADDED_VIP = '192.0.2.81';

const report = new Report();

interface Outcome {
  requests: number;
  failed: string[];
  servers: string[];
}

/** A program in the client that ends by itself and prints JSON. */
async function outcome(lab: TestLab, name: string, args: string[]): Promise<Outcome> {
  const { stdout, stderr } = await lab.run('client', ['node', programFile(name), ...args], {
    timeout: 3 * SECONDS * 1000,
  });
  return JSON.parse(stdout || `{"requests":0,"failed":[${JSON.stringify(stderr)}]}`) as Outcome;
}

async function server(lab: TestLab, target: string, address = '192.0.2.80'): Promise<string> {
  const [first] = await send(lab, { address, targets: [target] });
  return /server=(.*?);/.exec(first?.text ?? '')?.[1] ?? first?.text ?? '';
}

async function checkBroken(operator: Operator): Promise<void> {
  const before = JSON.stringify(await operator.services());
  const wrong = await refusals(operator);
  report.check(
    '50 broken files: each refused with line, column, what was expected, the nearest name',
    wrong.length === 0,
    wrong.slice(0, 3).join('\n'),
  );
  const strip = (text: string): string =>
    text.replace(/"(in)?active":\d+|"(handoffs|ready)":\d+/g, '');
  const after = JSON.stringify(await operator.services());
  report.check('the services are the old ones', strip(after) === strip(before));
  const { status, output } = await operator.command(
    operator.good.replace('weight: 2', 'weight: x'),
  );
  report.check(
    'baton reload refuses too',
    status === 1 && output.includes('a weight'),
    output.trim(),
  );
}

async function checkGood(lab: TestLab, operator: Operator): Promise<void> {
  const { ok, lines } = await operator.hangUp(changed(operator.good));
  report.check('a good file is taken', ok, lines.join('; '));
  report.check('its difference is shown', lines.includes('~ servers[server2].weight: 2 -> 1'));
  const named: string[] = [];
  for (let round = 0; round < 6; round++) named.push(await server(lab, `/plain-${round}`));
  report.check(
    'the pool has lost server1',
    named.every((name) => name === 'server2'),
    named.join(),
  );
  report.check('a new rule holds', (await server(lab, '/new/a')) === 'server3');
  await lab.run('router', ['ip', 'route', 'replace', ADDED_VIP, 'via', '10.80.2.2']);
  const added = await server(lab, '/plain', ADDED_VIP);
  report.check('a new VIP serves', added === 'server2', added);
  const { status, output } = await operator.command(operator.good);
  report.check('baton reload brings the old one back', status === 0, output.split('\n').length);
  const reachedMs = await operator.reached('server1');
  const all = new Set<string>();
  for (let round = 0; round < 6; round++) all.add(await server(lab, `/plain-${round}`));
  report.check(
    'server1 is back in its pool',
    all.has('server1') && all.has('server2'),
    `${[...all].join()}, reached after ${reachedMs} ms`,
  );
  const gone = await lab.run('client', ['curl', '-sS', '-m', '2', `http://${ADDED_VIP}/`]);
  report.check('the VIP that was taken out answers nothing', gone.status === 28, gone.status);
}

async function checkMany(operator: Operator): Promise<void> {
  const started = performance.now();
  for (let round = 0; round < 50; round++) {
    const { ok } = await operator.hangUp(round % 2 === 0 ? changed(operator.good) : operator.good);
    if (!ok) return void report.check('reloads in a row', false, round);
  }
  const ms = Math.round(performance.now() - started);
  report.check('50 good reloads in a row are taken', true, `${ms} ms`);
}

await report.part('reload', () =>
  withLab({ servers: 3 }, async (lab) => {
    const operator = new Operator(lab);
    report.check('the first good file is taken', (await operator.hangUp(operator.good)).ok);
    const seconds = String(SECONDS);
    const kept = outcome(lab, 'keep-alive-client', ['192.0.2.80', '80', String(KEPT), seconds]);
    const live = outcome(lab, 'live-clients', ['http://192.0.2.80', String(LIVE), seconds]);
    const curl = 'curl -sS --limit-rate 2M $BATON_URL/bytes/60000000 | wc -c';
    const download = lab.run('client', ['sh', '-c', curl], { timeout: 90_000 });
    await sleep(2000);
    await checkBroken(operator);
    await checkGood(lab, operator);
    await checkMany(operator);
    const ends = { kept: await kept, live: await live };
    for (const [what, { requests, failed }] of Object.entries(ends)) {
      const passed = requests > 100 && failed.length === 0;
      report.check(`${what}: ${requests} requests, none failed`, passed, failed.slice(0, 3).join());
    }
    const from = new Set(ends.kept.servers);
    report.check('kept connections were at server1 too', from.has('server1'), [...from].join());
    const { stdout } = await download;
    report.check(
      'a download through all of it is whole',
      stdout.trim() === '60000000',
      stdout.trim(),
    );
    const { faults } = await lab.stats('switch');
    report.check('no fault in the control plane', faults === 0);
  }),
);
report.finish();
