// npm run conformance [HOST...]: plays the vectors in each runtime that is to be had here; prints the table.
import { HOSTS, vectorCount } from '../host-list.ts';

const wanted = process.argv.slice(2).map((name) => name.toLowerCase());
const isWanted = (name: string): boolean =>
  wanted.length === 0 || wanted.some((word) => name.toLowerCase().startsWith(word));
const row = (...columns: string[]): string =>
  columns
    .map((column, index) => column.padEnd([18, 34, 9, 18, 12][index]!))
    .join('')
    .trimEnd();

console.log(`${vectorCount()} lines that check something`);
console.log(row('host', 'version', 'threads', 'checks passed', 'ns/packet'));
for (const { name, prepare, play } of HOSTS.filter((host) => isWanted(host.name))) {
  const missing = prepare();
  if (missing !== undefined) {
    console.log(row(name, `not here: ${missing}`));
    continue;
  }
  try {
    const { checked, wrong, nsPerPacket, threads, version } = await play();
    const passed = `${checked - wrong.length} of ${checked}`;
    const short = /(Firefox|Chrome)\/[\d.]+/.exec(version)?.[0] ?? version;
    console.log(row(name, short, String(threads), passed, (nsPerPacket ?? NaN).toFixed(1)));
    for (const text of wrong) console.log(`  ${text.slice(0, 300)}`);
    if (wrong.length > 0) process.exitCode = 1;
  } catch (error) {
    console.log(row(name, `FAILED: ${(error as Error).message}`));
    process.exitCode = 1;
  }
}
