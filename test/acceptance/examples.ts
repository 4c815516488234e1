// Each folder of examples/ is run, and what it does is compared with what it should.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TCP_ACK, TCP_SYN } from '../../assembly/wire/tcp.ts';
import { buildPacket } from '../../src/packet/build.ts';
import { readPacket } from '../../src/packet/read.ts';
import { ROOT, denoProgram } from '../conformance/host-list.ts';
import { capture, packetsIn } from '../support/capture.ts';
import { withPage } from '../support/chromium.ts';
import { runOneProcess } from '../support/one-process.ts';
import { Report } from '../support/report.ts';

const VIP = Uint8Array.of(192, 0, 2, 80);
const SERVERS = ['10.81.1.1', '10.81.2.1', '10.81.3.1'];
const CLIENTS = 60;
const SCREENSHOT = join(ROOT, 'build/examples/page.png');

const report = new Report();
const folder = mkdtempSync(join(tmpdir(), 'baton-examples-'));

/** The SYN, an ACK and data of each client, and packets that are none of the service's. */
function packets(): Uint8Array[] {
  const of = (client: number, port: number, flags: number, payload = new Uint8Array(0)) =>
    buildPacket({
      source: Uint8Array.of(198, 51, 100, client),
      destination: VIP,
      sourcePort: 40_000 + client,
      destinationPort: port,
      sequence: 1000,
      acknowledgment: flags === TCP_SYN ? 0 : 2000,
      flags,
      payload,
    });
  const clients = Array.from({ length: CLIENTS }, (_, client) => client);
  return [
    ...clients.map((client) => of(client, 80, TCP_SYN)),
    ...clients.map((client) => of(client, 80, TCP_ACK)),
    ...clients.map((client) => of(client, 80, TCP_ACK, Uint8Array.of(1, 2, 3))),
    of(1, 81, TCP_ACK),
  ];
}

/** The commands of an example's README, as printed. */
function commandsOf(example: string): string[] {
  const text = readFileSync(join(ROOT, 'examples', example, 'README.md'), 'utf8');
  return /```sh\n([\s\S]*?)```/.exec(text)![1]!.trim().split('\n');
}

function checkNative(): void {
  const [build, compile] = commandsOf('native');
  const run = (command: string): string =>
    execFileSync('sh', ['-c', command], { cwd: ROOT, encoding: 'utf8' });
  run(build!.replace('npm run build && ', ''));
  run(compile!);
  const [input, output] = [join(folder, 'in.pcap'), join(folder, 'out.pcap')];
  writeFileSync(input, capture(packets()));
  const said = run(`build/balance ${input} ${output} 192.0.2.80 80 ${SERVERS.join(' ')}`);
  const out = packetsIn(readFileSync(output)).map((packet) => readPacket(packet)!);
  const byClient = new Map<number, Set<string>>();
  for (const { sourcePort, destination } of out) {
    const seen = byClient.get(sourcePort) ?? new Set();
    byClient.set(sourcePort, seen.add(destination.join('.')));
  }
  const isOne = [...byClient.values()].every(({ size }) => size === 1);
  const used = new Set([...byClient.values()].flatMap((seen) => [...seen]));
  report.note(said.trim().replaceAll('\n', ', '));
  report.check(
    'native: each packet of the service is forwarded',
    out.length === 3 * CLIENTS,
    out.length,
  );
  report.check('native: a connection stays on one server', isOne && byClient.size === CLIENTS);
  report.check('native: all servers get some', [...used].sort().join() === SERVERS.join());
  report.check('native: it says what it did', said.startsWith(`forwarded ${3 * CLIENTS}, `));
}

function checkDeno(): void {
  const script = join(ROOT, 'examples/deno/verdicts.ts');
  const args = ['run', '--allow-read', '--no-check', script, '192.0.2.80', '80', SERVERS[0]!];
  const said = execFileSync(denoProgram(), args, { input: capture(packets()), encoding: 'utf8' });
  const lines = said.trim().split('\n');
  const counters = JSON.parse(lines.pop()!) as Record<string, number>;
  const forwarded = lines.filter((line) => line.endsWith('VERDICT_FORWARD')).length;
  const isRight = forwarded === 3 * CLIENTS && lines.at(-1)!.endsWith('DROP_NOT_SERVICE');
  report.check('deno: a verdict for each packet', isRight, `${forwarded} forwarded`);
  const sum = `${counters['received']} received, ${counters['forwarded']} forwarded`;
  const isCounted = sum === `${3 * CLIENTS + 1} received, ${forwarded} forwarded`;
  report.check('deno: the counters say the same', isCounted, sum);
}

function checkOneProcess(): void {
  const { said, expected } = runOneProcess(ROOT);
  report.check(
    'one process: the right servers answer',
    said.join() === expected.join(),
    said.at(-1),
  );
}

async function checkPage(): Promise<void> {
  const server = spawn(process.execPath, [join(ROOT, 'examples/page/serve.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [url] = (await once(server.stdout, 'data')) as [Buffer];
    await withPage(url.toString().trim(), async (page) => {
      await page.until(`document.querySelector('#state')?.textContent === 'done'`, 60_000);
      const cells = `[...document.querySelectorAll('#figures td')].map((cell) => cell.textContent)`;
      const shown = (await page.evaluate(cells)) as string[];
      const rows = [1, 2, 3].map((row) => shown.slice(row * 3, row * 3 + 3));
      for (const [name, load, core] of rows) {
        report.check(
          `page: ${name}, as the core counts`,
          load === core && Number(load) > 1000,
          core,
        );
      }
      mkdirSync(join(SCREENSHOT, '..'), { recursive: true });
      const picture = await page.screenshot();
      writeFileSync(SCREENSHOT, picture);
      report.check(
        'page: a screenshot',
        picture.length > 20_000,
        `${SCREENSHOT}, ${picture.length} bytes`,
      );
    });
  } finally {
    server.kill();
  }
}

try {
  await report.part('native', async () => checkNative());
  await report.part('deno', async () => checkDeno());
  await report.part('one process', async () => checkOneProcess());
  await report.part('page', checkPage);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report.finish();
