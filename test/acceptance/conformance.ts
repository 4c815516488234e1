// The core's vectors come out alike in every runtime; those that cannot be had here are named.
import { HOSTS } from '../conformance/host-list.ts';
import { Report } from '../support/report.ts';

const REQUIRED = ['Node 20', 'Node 22', 'Node 24', 'Bun', 'Deno', 'Chromium', 'native C'];
const ONE_THREAD = 'one-thread build';
const THREADS = 4;

const report = new Report();
const counts = new Set<number>();
for (const { name, prepare, play } of HOSTS) {
  const missing = prepare();
  if (missing !== undefined) {
    report.note(`${name} is not here: ${missing}`);
    if (REQUIRED.includes(name)) report.check(`${name} is here`, false);
    continue;
  }
  await report.part(name, async () => {
    const { checked, wrong, nsPerPacket, threads, version } = await play();
    const figures = `${checked} checks, ${threads} threads, ${nsPerPacket?.toFixed(1)} ns/packet`;
    const isWhole = threads === (name === ONE_THREAD ? 1 : THREADS);
    report.check(
      `${name} (${version}): all as written`,
      wrong.length === 0 && isWhole,
      wrong[0] ?? figures,
    );
    if (name !== ONE_THREAD) counts.add(checked);
  });
}
report.check('all hosts checked the same', counts.size === 1, [...counts].join(' '));
report.finish();
