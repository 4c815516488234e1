// LARD's decisions in one process, each with the end of an older connection.
import { checkRatios } from '../support/comparison.ts';
import { Report } from '../support/report.ts';

const report = new Report();
checkRatios(report, 'dispatch', [{ subject: 'lard, 100000 targets, Zipf', atLeast: 10 }], ['lard']);
report.finish();
