// nginx and Apache behind the switch: every byte right, in both table modes, with 1, 2 and 4 workers. The
// acceptance lines `bytes` and `v6`.
import type { Placement } from '../../src/config/choices.ts';
import type { Engine } from '../../src/packet-io/engine.ts';
import { withLab, type Family, type TestLab } from './lab.ts';
import { programFile } from './programs.ts';
import type { Report } from './report.ts';
import { checkAb, checkDownload, checkUpload, checkWrk, streamDigest } from './transfer.ts';

const DOWNLOAD = 1e8;
const UPLOAD = 5e7;
const AB_CONNECTIONS = 2000;
const AB_REQUESTS = 5000;

interface Setting {
  table: string;
  workers: number;
  server: 'nginx' | 'apache';
  servers: number;
}

/** Every table mode with every worker count; server software and number of servers alternate. */
const SETTINGS: Setting[] = [
  { table: 'keyed', workers: 1, server: 'nginx', servers: 1 },
  { table: 'paper', workers: 1, server: 'apache', servers: 1 },
  { table: 'keyed', workers: 2, server: 'apache', servers: 3 },
  { table: 'paper', workers: 2, server: 'nginx', servers: 3 },
  { table: 'keyed', workers: 4, server: 'nginx', servers: 3 },
  { table: 'paper', workers: 4, server: 'apache', servers: 3 },
];

async function checkSegments(lab: TestLab, report: Report, what: string): Promise<void> {
  const program = programFile('segments-client');
  const address = [lab.environment['BATON_VIP']!, lab.environment['BATON_PORT']!];
  for (const size of ['1', '7']) {
    const command = ['node', program, ...address, size, '1', '/1k'];
    const run = await lab.run('client', command);
    report.check(
      `${what}: request head in ${size}-byte segments`,
      run.status === 0 && run.stdout.trim() === streamDigest(1000),
      run.stderr.slice(-300),
    );
  }
}

/** Clients that offer fewer options: the server's kernel must be told the same. */
async function checkPlainClients(lab: TestLab, report: Report, what: string): Promise<void> {
  for (const option of ['tcp_timestamps', 'tcp_sack', 'tcp_window_scaling']) {
    const file = `/proc/sys/net/ipv4/${option}`;
    await lab.run('client', ['sh', '-c', `echo 0 > ${file}`]);
    await checkDownload(lab, report, `${what}, client with ${option}=0`, '10M', 1e7);
    await checkUpload(lab, report, `${what}, client with ${option}=0`, 1e7);
    await lab.run('client', ['sh', '-c', `echo 1 > ${file}`]);
  }
}

async function checkSetting(lab: TestLab, report: Report, what: string, servers: number) {
  for (let round = 0; round < servers; round++) {
    await checkDownload(lab, report, what, '100M', DOWNLOAD);
    await checkUpload(lab, report, what, UPLOAD);
  }
  const expect = ['-H', 'Expect: 100-continue'];
  const log = await checkUpload(lab, report, `${what}, Expect`, UPLOAD, expect);
  report.check(`${what}: the server said 100 Continue`, /< HTTP\/1.1 100/.test(log));
  await checkSegments(lab, report, what);
  await checkAb(lab, report, what, AB_CONNECTIONS, 20, false);
  await checkAb(lab, report, what, AB_REQUESTS, 20, true);
  await checkWrk(lab, report, what);
  if (servers === 1) await checkPlainClients(lab, report, what);
}

type PlacedSetting = Setting & { family: Family; vipOf?: number; engine?: Engine };

/** Pairs of software, workers, servers and family, not their product. */
const PLACED: PlacedSetting[] = [
  { family: 'IPv4', table: 'keyed', workers: 1, server: 'nginx', servers: 3 },
  { family: 'IPv6', table: 'keyed', workers: 2, server: 'apache', servers: 2 },
  { family: 'IPv4', table: 'keyed', workers: 1, server: 'apache', servers: 1 },
];

async function checkIn(
  report: Report,
  { family, vipOf, ...setting }: PlacedSetting,
  placement?: Placement,
  switches = 1,
): Promise<void> {
  const { table, workers, server, servers, engine } = setting;
  const how = engine ? `engine ${engine}, ` : '';
  const where = how + (placement ? `${placement}, ${family}` : `${family}, ${table}`);
  const by = vipOf === undefined ? '' : `, by switch ${vipOf + 1} of ${switches}`;
  const what = `${where}${by}, ${workers} worker(s), ${servers} x ${server}`;
  const options = { placement, family, vipOf, switches, ...setting, policy: 'round-robin' };
  await report.part(what, () =>
    withLab(options, (lab) => checkSetting(lab, report, what, servers)),
  );
}

/** Runs all of it in another placement than `single`. */
export async function checkPlacement(report: Report, placement: Placement): Promise<void> {
  for (const setting of PLACED) await checkIn(report, setting, placement);
}

/** The same with several switches that have VIPs of their own; each is asked in its turn. */
export async function checkApart(
  report: Report,
  placement: Placement,
  switches: number,
): Promise<void> {
  for (const [index, setting] of PLACED.entries()) {
    await checkIn(report, { ...setting, vipOf: (index + 1) % switches }, placement, switches);
  }
}

/** Runs all of it over one address family. */
export async function checkBytes(report: Report, family: Family): Promise<void> {
  for (const setting of SETTINGS) await checkIn(report, { family, ...setting });
}

/** Runs all of it with one engine, over both address families, with several workers on one queue. */
export async function checkEngine(report: Report, engine: Engine): Promise<void> {
  const settings: PlacedSetting[] = [
    { family: 'IPv4', table: 'keyed', workers: 2, server: 'nginx', servers: 1 },
    { family: 'IPv6', table: 'paper', workers: 4, server: 'apache', servers: 2 },
  ];
  for (const setting of settings) await checkIn(report, { ...setting, engine });
}
