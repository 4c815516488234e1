// All of `bytes` over IPv6, from the client to the server.
import { checkBytes } from '../support/byte-exact.ts';
import { Report } from '../support/report.ts';

const report = new Report();
await checkBytes(report, 'IPv6');
report.finish();
