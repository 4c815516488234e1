// The table of connections: what four threads make of it, what happens when its locks are left out.
import { Report } from '../support/report.ts';
import { checkTable } from '../table/operations.ts';

const report = new Report();
await checkTable(report);
report.finish();
