// What a front end costs beside a two-way proxy: the switch against HAProxy, in one lab.
import { checkRatios } from '../support/comparison.ts';
import { Report } from '../support/report.ts';

const report = new Report();
const front = (load: string, atMost: number) => ({
  subject: `proxy ${load}, front-end CPU`,
  atMost,
});
const all = (load: string) => ({ subject: `proxy ${load}, CPU of all hosts`, atMost: 1 });
const LARGE = ['100 KiB', '1 MiB', '10 MiB'].flatMap((size) => [size, `${size} keep-alive`]);
// a run takes about 90 s: what is not asked is left out, and other programs are not waited for at length
const words = ['--only', 'offloads,held', '--sizes', '1,100,1024,10240'];
words.push('--fronts', 'baton,HAProxy', '--patience', '15');
checkRatios(
  report,
  'proxy',
  [
    front('1 KiB', 1),
    front('1 KiB keep-alive', 0.5),
    ...['100 KiB', '100 KiB keep-alive'].map((load) => front(load, 0.2)),
    ...['1 MiB', '1 MiB keep-alive'].map((load) => front(load, 0.15)),
    ...LARGE.map(all),
    { subject: 'proxy 1 MiB in 0.02 of a CPU, reply MB/s', atLeast: 5 },
  ],
  words,
);
report.finish();
