// A server's host is cut off: its idle keep-alive connections are answered by others, and no client
// notices. Apache waits for a request before it accepts (its default filter), so it is on both sides.
import { Report } from '../support/report.ts';
import { killServer, type DeathPlan } from '../support/server-death.ts';

const IDLE = 500;
const DETECTED_MS = 3000;
const report = new Report();

async function check(what: string, serverKinds: DeathPlan['serverKinds']): Promise<void> {
  const death = await killServer({ idle: IDLE, serverKinds, pauseMs: 14_000, laterMs: 2000 });
  const { before, told, downMs, recoveredMs, faults, recovered, reopened, answeredBy } = death;
  report.check(
    `${what}: it had ${IDLE} idle connections`,
    before === IDLE && told >= IDLE,
    `${before}, ${told} told`,
  );
  report.check(
    `${what}: its death is seen within ${DETECTED_MS} ms`,
    downMs <= DETECTED_MS && recoveredMs <= DETECTED_MS,
    `down after ${Math.round(downMs)} ms, the first connection taken after ${Math.round(recoveredMs)} ms`,
  );
  report.check(
    `${what}: ${IDLE} next requests, no client sees an error`,
    faults.length === 0,
    faults.slice(0, 5).join('; ') || '0 errors',
  );
  report.check(
    `${what}: all were answered by others, on the same connections`,
    recovered === IDLE && reopened === 0,
    JSON.stringify(answeredBy),
  );
  report.check(`${what}: no fault in the control plane`, death.switchFaults === 0);
}

await report.part('nginx dies', () => check('nginx', ['nginx', 'apache', 'nginx']));
await report.part('Apache dies', () => check('Apache', ['apache', 'nginx', 'apache']));
report.finish();
