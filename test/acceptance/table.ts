// The table of connections: four threads on one table, with and without its locks; workers that die with a
// lock held; how one client's connections spread; held packets in order. A part alone: -- NAME.
import { setPriority } from 'node:os';
import { Report } from '../support/report.ts';
import { checkDeadWorkers } from '../table/dead-worker.ts';
import { checkHeldOrder } from '../table/held-order.ts';
import { checkHeldUploads } from '../table/held-upload.ts';
import { checkManyConnections } from '../table/many-connections.ts';
import { checkTable } from '../table/operations.ts';

const report = new Report();
const NICE = -10;
if (process.getuid?.() === 0) setPriority(NICE); // times are measured

const PARTS: Record<string, (report: Report) => Promise<void>> = {
  operations: checkTable,
  connections: checkManyConnections,
  deaths: checkDeadWorkers,
  held: checkHeldOrder,
  uploads: checkHeldUploads,
};
const chosen = process.argv.slice(2);
for (const [name, check] of Object.entries(PARTS)) {
  if (chosen.length === 0 || chosen.includes(name)) await report.part(name, () => check(report));
}
report.finish();
