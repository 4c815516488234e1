// Uploads through the lab whose bodies come while the handoff waits for an agent that is stopped.
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UploadOutcome } from '../programs/numbered-upload.ts';
import { withLab, type TestLab } from '../support/lab.ts';
import { programFile } from '../support/programs.ts';
import type { Report } from '../support/report.ts';

const UPLOADS = 5;
const NUMBERS = 60;
const BURST = 6;
const PAUSE_MS = 10;
/** the client waits so long between handshake and request */
const START_MS = 300;
/** until the body is sent */
const STOPPED_MS = 600;
/** An agent that is stopped so long is still one. */
const PATIENT = { agentHandoffTimeoutMs: 8000, handoffTimeoutMs: 9000, peerTimeoutMs: 9000 };
const INITIAL_WINDOW = 100;
const CAPTURE_SECONDS = 20;

/** Segments with data in the order of the capture, `seq:end`, by the client's port. */
async function segmentsOf(lab: TestLab, capture: string): Promise<Map<number, string[]>> {
  const { stdout } = await lab.run('client', ['tcpdump', '-nn', '-S', '-r', capture]);
  const found = new Map<number, string[]>();
  for (const line of stdout.split('\n')) {
    const match = / IP \S+\.(\d+) > \S+\.80: .* seq (\d+:\d+),/.exec(line);
    if (!match) continue;
    const port = Number(match[1]);
    found.set(port, [...(found.get(port) ?? []), match[2]!]);
  }
  return found;
}

function startCapture(lab: TestLab, host: string): { file: string; ended: Promise<unknown> } {
  const file = join(lab.directory, `${host}.pcap`);
  const seconds = String(CAPTURE_SECONDS);
  const limit = ['timeout', '--signal=INT', seconds];
  const tcpdump = ['tcpdump', '-i', 'eth0', '-Q', host === 'client' ? 'out' : 'in'];
  // short ones: else the kernel's buffer has room for 32 packets only
  const options = ['--immediate-mode', '-U', '-s', '128', '-w', file, 'tcp dst port 80'];
  return { file, ended: lab.run(host, [...limit, ...tcpdump, ...options]) };
}

async function upload(lab: TestLab): Promise<UploadOutcome> {
  const program = programFile('numbered-upload');
  const address = [lab.environment['BATON_VIP']!, lab.environment['BATON_PORT']!];
  const numbers = [NUMBERS, BURST, PAUSE_MS, START_MS].map(String);
  const { stdout, stderr } = await lab.run('client', ['node', program, ...address, ...numbers]);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as UploadOutcome;
}

/** The agent's process is stopped from before the request until its body is sent. */
async function uploadHeld(lab: TestLab): Promise<UploadOutcome> {
  const agent = lab.hosts['server1']!.programs['baton']!;
  const accepted = async (): Promise<number> =>
    (await lab.stats('switch')).total.counters['cookiesAccepted']!;
  const before = await accepted();
  const running = upload(lab);
  while ((await accepted()) === before) await sleep(5);
  process.kill(agent, 'SIGSTOP');
  try {
    await sleep(STOPPED_MS);
    process.kill(agent, 'SIGCONT');
    return await running;
  } finally {
    process.kill(agent, 'SIGCONT');
  }
}

const [START, END] = [0, 1];

function edge(segment: string, which: number): number {
  return Number(segment.split(':')[which]);
}

/** Where the list at the server is not the client's without the request, which comes by another way. */
function difference(sent: string[], arrived: string[]): string {
  const first = sent.indexOf(arrived[0] ?? '');
  if (first < 0) return 'nothing arrived';
  const start = edge(sent[first]!, START);
  // what the client repeats of the request ends at the switch
  const expected = sent.slice(first).filter((each) => ((edge(each, END) - start) | 0) > 0);
  const at = expected.findIndex((segment, index) => segment !== arrived[index]);
  if (at < 0 && expected.length === arrived.length) return '';
  const [wanted, found] = [expected, arrived].map((list) => list.slice(at, at + 4).join(' '));
  return `at ${at} of ${expected.length}: ${wanted} came as ${found}`;
}

async function checkUploads(report: Report, lab: TestLab, workers: number): Promise<void> {
  const cwnd = `ip route change $(ip route show default) initcwnd ${INITIAL_WINDOW}`;
  await lab.run('client', ['sh', '-ec', cwnd]);
  const captures = ['client', 'server1'].map((host) => startCapture(lab, host));
  await sleep(1000);
  const outcomes: UploadOutcome[] = [];
  for (let round = 0; round < UPLOADS; round += 1) outcomes.push(await uploadHeld(lab));
  const { heldPackets } = (await lab.stats('switch')).control as { heldPackets: number };
  await Promise.all(captures.map(({ ended }) => ended));
  const [sent, arrived] = await Promise.all(captures.map(({ file }) => segmentsOf(lab, file)));
  const what = `${workers} worker(s), ${UPLOADS} uploads while their handoff waits`;
  const exact = outcomes.filter(({ answer, digest }) => answer.includes(digest));
  report.check(`${what}: every body is whole`, exact.length === UPLOADS, exact.length);
  report.check(`${what}: packets were held`, heldPackets >= UPLOADS * NUMBERS * 0.3, heldPackets);
  const wrong = outcomes.map(({ port }) =>
    difference(sent!.get(port) ?? [], arrived!.get(port) ?? []),
  );
  const segments = outcomes.reduce((sum, { port }) => sum + (arrived!.get(port)?.length ?? 0), 0);
  report.check(
    `${what}: segments arrive at the server in the order of the client's, each once`,
    wrong.every((text) => text === ''),
    wrong.filter((text) => text !== '').join('; ') || `${segments} segments`,
  );
}

/** End to end with 1, 2 and 4 workers. */
export async function checkHeldUploads(report: Report): Promise<void> {
  const config = join(tmpdir(), `held-${process.pid}.yaml`);
  writeFileSync(config, JSON.stringify({ timing: PATIENT }));
  for (const workers of [1, 2, 4]) {
    await report.part(`held uploads, ${workers} worker(s)`, () =>
      withLab({ servers: 1, server: 'echo', workers, config }, (lab) =>
        checkUploads(report, lab, workers),
      ),
    );
  }
  rmSync(config);
}
