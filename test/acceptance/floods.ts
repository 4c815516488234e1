// Strangers in great numbers, each kind at half of the rate at which nothing is lost, and 50 live
// clients that must not notice: SYNs, forged ACKs, half-read and refused requests, connections from
// populations that are hard on a hash table. What each kind may take is bounded, counted and shown.
import { ACK_PORT, SYN_PORT, withServices } from '../floods/lab.ts';
import { checkQueues, checkShown, checkSlowHeads } from '../floods/shown.ts';
import * as strangers from '../floods/strangers.ts';
import { checkEviction, checkForgedAcks, checkSyns } from '../floods/syns.ts';
import { checkFaults } from '../support/faults.ts';
import { Report } from '../support/report.ts';

const report = new Report();
/** Parts by the beginnings of their names; none: all. */
const wanted = process.argv.slice(2);

async function part(name: string, body: () => Promise<void>): Promise<void> {
  const isWanted = wanted.length === 0 || wanted.some((word) => name.startsWith(word));
  if (isWanted) await report.part(name, body);
}

/** Handshakes a second without loss. */
let free = 1000;

await part('strangers', () =>
  withServices('', async (lab) => {
    const half = await strangers.freeHandshakes(report, lab, strangers.HALF);
    await strangers.checkHalfRead(report, lab, half / 2);
    free = await strangers.freeHandshakes(report, lab, strangers.REFUSED);
    await checkSlowHeads(report, lab);
    await strangers.checkRefused(report, lab, free / 2, false);
    await checkQueues(report, lab);
    await checkForgedAcks(report, lab);
    checkShown(report, lab);
    await checkFaults(report, lab, ['switch', 'server1', 'server2']);
  }),
);
await part('SYNs', () =>
  withServices('', async (lab) => {
    await checkSyns(report, lab, 'SYNs, layer 7', 80);
    await checkSyns(report, lab, 'SYNs, layer 4 by SYN', SYN_PORT);
    await checkSyns(report, lab, 'SYNs, layer 4 by ACK', ACK_PORT);
  }),
);
await part('refused requests, small table', () =>
  withServices('switch: { connections: 8192 }', (lab) =>
    strangers.checkRefused(report, lab, free / 2, true),
  ),
);
for (const population of ['against-xor', 'nat-of-two'] as const) {
  await part(population, () => strangers.checkPopulation(report, population, free / 2));
}
await part("the papers' table", () => strangers.checkPaperTable(report));
await part('full table', () => checkEviction(report));
report.finish();
