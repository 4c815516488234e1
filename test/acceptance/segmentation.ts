// Random splits, orders, copies, overlaps and lies: the server is handed exactly what was routed.
import { WEB_SERVERS } from '../../src/lab/web-servers.ts';
import { REQUESTS } from '../cases/pieces.ts';
import { segmentsThroughLab } from '../cases/run.ts';
import { makeRig, Round } from '../cases/segmentation.ts';
import { Random } from '../../src/lab/random.ts';
import { Report } from '../support/report.ts';

const ROUNDS = Number(process.argv[2] ?? 100_000);
const ROUNDS_PER_SWITCH = 200;
/** through a lab, for each kind of server */
const LAB_ROUNDS = Number(process.argv[3] ?? 1000);

const report = new Report();

await report.part('core and control', async () => {
  const random = new Random(20);
  const seen = { handed: 0, reset: 0, status: 0 };
  const problems: string[] = [];
  let rig = await makeRig();
  for (let index = 0; index < ROUNDS; index += 1) {
    if (index % ROUNDS_PER_SWITCH === 0) rig = await makeRig();
    const round = new Round(rig, random, 1024 + (index % ROUNDS_PER_SWITCH));
    const outcome = round.run(REQUESTS[index % REQUESTS.length]!);
    if (outcome.handed) seen.handed += 1;
    if (outcome.refused) seen[outcome.refused] += 1;
    if (outcome.problem !== undefined) problems.push(`round ${index}: ${outcome.problem}`);
  }
  const { handed, reset, status } = seen;
  report.note(
    `${handed} handed over, ${status} refused for other bytes, ${reset} with too many holes`,
  );
  report.check(`${ROUNDS} connections, ${REQUESTS.length} requests`, seen.handed > ROUNDS / 2);
  const sample = problems.slice(0, 3).map((problem) => problem.slice(0, 900));
  report.check('differences', problems.length === 0, `${problems.length} ${sample.join('; ')}`);
});

for (const server of WEB_SERVERS) {
  await report.part(`lab with ${server}`, async () => {
    const { rounds, served, problems } = await segmentsThroughLab(server, LAB_ROUNDS);
    report.check(`${rounds} connections to ${server}`, served > LAB_ROUNDS / 2, `${served} served`);
    const sample = problems.slice(0, 3).map((problem) => problem.slice(0, 900));
    report.check('differences', problems.length === 0, `${problems.length} ${sample.join('; ')}`);
  });
}
report.finish();
