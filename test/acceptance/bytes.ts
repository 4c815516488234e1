// nginx and Apache behind the switch: every byte right, in both table modes, with 1, 2 and 4 workers.
import { fileURLToPath } from 'node:url';
import { withLab, type TestLab } from '../support/lab.ts';
import { Report } from '../support/report.ts';
import {
  checkAb,
  checkDownload,
  checkUpload,
  checkWrk,
  streamDigest,
} from '../support/transfer.ts';

const DOWNLOAD = 1e8;
const UPLOAD = 5e7;
const AB_CONNECTIONS = 2000;
const AB_REQUESTS = 5000;

const report = new Report();

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

async function checkSegments(lab: TestLab, what: string): Promise<void> {
  const program = fileURLToPath(new URL('./programs-segments-client.mjs', import.meta.url));
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
async function checkPlainClients(lab: TestLab, what: string): Promise<void> {
  for (const option of ['tcp_timestamps', 'tcp_sack', 'tcp_window_scaling']) {
    const file = `/proc/sys/net/ipv4/${option}`;
    await lab.run('client', ['sh', '-c', `echo 0 > ${file}`]);
    await checkDownload(lab, report, `${what}, client with ${option}=0`, '10M', 1e7);
    await checkUpload(lab, report, `${what}, client with ${option}=0`, 1e7);
    await lab.run('client', ['sh', '-c', `echo 1 > ${file}`]);
  }
}

for (const setting of SETTINGS) {
  const { table, workers, server, servers } = setting;
  const what = `${table}, ${workers} worker(s), ${servers} x ${server}`;
  await report.part(what, () =>
    withLab({ table, workers, server, servers, policy: 'round-robin' }, async (lab) => {
      for (let round = 0; round < servers; round++) {
        await checkDownload(lab, report, what, '100M', DOWNLOAD);
        await checkUpload(lab, report, what, UPLOAD);
      }
      const log = await checkUpload(lab, report, `${what}, Expect`, UPLOAD, [
        '-H',
        'Expect: 100-continue',
      ]);
      report.check(`${what}: the server said 100 Continue`, /< HTTP\/1.1 100/.test(log));
      await checkSegments(lab, what);
      await checkAb(lab, report, what, AB_CONNECTIONS, 20, false);
      await checkAb(lab, report, what, AB_REQUESTS, 20, true);
      await checkWrk(lab, report, what);
      if (servers === 1) await checkPlainClients(lab, what);
    }),
  );
}
report.finish();
