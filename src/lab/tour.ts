// The tour: real requests of several kinds from the client's host, and what was measured.
import { createHash } from 'node:crypto';
import { streamChunks } from './byte-stream.ts';
import type { Lab } from './cluster.ts';
import { handoffWithin, readSwitchFigures } from './figures.ts';
import type { DeviceCounters } from './namespaces.ts';
import type { RequestResult } from './requests.ts';
import { requestCommand, send } from './send.ts';
import { bar, count, megabytes, Narrator } from './narrator.ts';
import { CLIENT, VIP4 } from './topology.ts';

const DOWNLOAD = 100_000_000;
const UPLOAD = 100_000_000;
const POST = 1_000_000;
const VISITS_PER_SECOND = 5;
// What may enter the switch besides the client's packets: the control channel, neighbour discovery
const CONTROL_SHARE = 0.01;

const TARGETS =
  'maps/oslo maps/bergen news/today news/sport shop/tea shop/jam img/cat img/owl doc/a doc/b'
    .split(' ')
    .map((path) => `/${path}`);

/** Shows the lab at work. Returns how many things were not as they should be. */
export async function runTour(lab: Lab, signal: AbortSignal): Promise<number> {
  const narrator = new Narrator();
  for (const line of map(lab)) narrator.line(line);
  for (const part of [whoAnswers, keepAlive, post, download, upload, handoffs]) {
    signal.throwIfAborted();
    const shown = part(lab, narrator).catch((error: Error) => {
      if (!signal.aborted) narrator.check('it could be measured', false, error.message);
    });
    await Promise.race([shown, abortion(signal)]);
  }
  return narrator.conclude();
}

/** Rejects when the tour is to end: what a part waits for may take long. */
function abortion(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the tour was ended')), { once: true });
  });
}

function map(lab: Lab): string[] {
  const others = [
    `switch    answers for ${VIP4}`,
    ...lab.topology.servers.map(({ name, address }) => `${name.padEnd(9)} ${address}`),
  ];
  const branch = (index: number) => (index === 0 ? '┬' : index === others.length - 1 ? '└' : '├');
  return others.map((text, index) => {
    const left = index === 0 ? `client ${CLIENT[0]} ── router ─` : '';
    return `${left.padEnd(28)}${branch(index)}─ ${text}`;
  });
}

/** A few requests per second from now on, so that the live figures have something to show. */
export function startVisits(lab: Lab): void {
  lab.startProgram(
    'client',
    'visits',
    requestCommand('visits', { targets: TARGETS }, String(VISITS_PER_SECOND)),
  );
}

/** What the echo server says of itself and of its client. */
function field(result: RequestResult, name: string): string {
  return new RegExp(`${name}=(.*?);`).exec(result.text)?.[1] ?? '?';
}

async function whoAnswers(lab: Lab, narrator: Narrator): Promise<void> {
  narrator.title(
    `Who answers? ${TARGETS.length} requests at once, on as many connections to ${VIP4}`,
  );
  const results = await send(lab, { targets: TARGETS, connections: 'together' });
  for (const result of results) {
    const [server, peer] = [field(result, 'server'), field(result, 'peer')];
    const ms = `${result.ms.toFixed(1)} ms`;
    narrator.line(
      `${result.target.padEnd(14)} ${result.local} → ${server}, which saw ${peer}  ${ms.padStart(8)}`,
    );
  }
  for (const { name } of lab.topology.servers) {
    const answers = results.filter((result) => field(result, 'server') === name).length;
    narrator.line(`${name.padEnd(14)} ${bar(answers / results.length)} ${answers}`);
  }
  const good = results.filter((result) => result.status === 200).length;
  narrator.check('every request was answered with 200', good === results.length, count(good));
  const seen = results.filter((result) => field(result, 'peer') === result.local).length;
  narrator.check(
    "every server saw the client's own address and port",
    seen === results.length,
    `${seen} of ${results.length}`,
  );
  const again = await send(lab, { targets: TARGETS });
  const same = again.filter((result, index) => {
    return field(result, 'server') === field(results[index]!, 'server');
  });
  narrator.line(
    `asked again: ${same.length} of ${results.length} paths went to the server that knows them; ` +
      `half took less than ${medianMs(again)} ms, at first ${medianMs(results)} ms`,
  );
}

function medianMs(results: RequestResult[]): string {
  const sorted = results.map(({ ms }) => ms).toSorted((one, other) => one - other);
  return (sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(1);
}

async function keepAlive(lab: Lab, narrator: Narrator): Promise<void> {
  narrator.title('One connection, eight requests');
  const results = await send(lab, { targets: TARGETS.slice(0, 8), connections: 'one' });
  const servers = new Set(results.map((result) => field(result, 'server')));
  const locals = new Set(results.map((result) => result.local));
  const [first, ...later] = results.map((result) => result.ms.toFixed(1));
  narrator.line(`the first took ${first} ms with its handoff, the others ${later.join(' ')} ms`);
  narrator.check(
    'it stayed one connection, and stayed with its server',
    servers.size === 1 && locals.size === 1,
    `${[...locals].join(' ')} → ${[...servers].join(' ')}`,
  );
}

async function post(lab: Lab, narrator: Narrator): Promise<void> {
  narrator.title(`A POST of ${megabytes(POST)}`);
  const results = await send(lab, { method: 'POST', targets: ['/form'], sendBytes: POST });
  checkDigest(narrator, results[0]!.text, POST, 'the server');
}

async function download(lab: Lab, narrator: Narrator): Promise<void> {
  narrator.title(`A download of ${megabytes(DOWNLOAD)}`);
  const before = measure(lab);
  const [result] = await send(lab, { targets: [`/bytes/${DOWNLOAD}`] });
  const crossed = difference(measure(lab), before);
  const rate = DOWNLOAD / 1e6 / (result!.ms / 1000);
  narrator.line(`${(result!.ms / 1000).toFixed(2)} s, ${rate.toFixed(0)} MB/s`);
  checkDigest(narrator, result!.digest, DOWNLOAD, 'the client');
  narrator.line(`bytes that reached the client         ${count(crossed.toClient)}`);
  narrator.line(`bytes that entered the switch         ${count(crossed.toSwitch)}`);
  narrator.line(`   of these from the client to the VIP ${count(crossed.fromClient)}`);
  narrator.check(
    'no reply crossed the switch: what entered it came from the client, the rest is control',
    crossed.fromClient > 0 && crossed.other < CONTROL_SHARE * crossed.toClient,
    `${count(crossed.other)} bytes`,
  );
}

async function upload(lab: Lab, narrator: Narrator): Promise<void> {
  narrator.title(`An upload of ${megabytes(UPLOAD)}`);
  const before = measure(lab);
  const [result] = await send(lab, { method: 'PUT', targets: ['/film'], sendBytes: UPLOAD });
  const crossed = difference(measure(lab), before);
  narrator.line(
    `${(result!.ms / 1000).toFixed(2)} s; ${count(crossed.fromClient)} bytes through the switch`,
  );
  checkDigest(narrator, result!.text, UPLOAD, 'the server');
}

async function handoffs(lab: Lab, narrator: Narrator): Promise<void> {
  narrator.title('Handoffs');
  const { control } = await readSwitchFigures(lab.directory);
  const { handoffMs, handoffs, ready, failedMaybe, refused } = control;
  const mean = (handoffMs.sum / Math.max(1, ready)).toFixed(2);
  narrator.line("from a request's first byte until its server's kernel had it all:");
  narrator.line(
    `half within ${handoffWithin(handoffMs, 0.5)}, 99 % within ${handoffWithin(handoffMs, 0.99)}; ` +
      `mean ${mean} ms`,
  );
  const refusals = Object.values(refused).reduce((sum, times) => sum + times, failedMaybe);
  narrator.check(
    'every connection was handed over',
    ready > 0 && refusals === 0,
    `${ready}, ${refusals} refused, ${handoffs - ready - refusals} times tried with another server`,
  );
}

function checkDigest(narrator: Narrator, digest: string, length: number, who: string): void {
  const hash = createHash('sha256');
  for (const chunk of streamChunks(length)) hash.update(chunk);
  const right = digest.trim() === hash.digest('hex');
  narrator.check(`every byte that ${who} got is right`, right, `SHA-256 ${digest.slice(0, 16)}…`);
}

interface Crossing {
  /** IP bytes that the client's interface received */
  toClient: number;
  /** IP bytes that the switch's interface received */
  toSwitch: number;
  /** of these, those that the kernel led into the switch's device: addressed to the VIP */
  fromClient: number;
  /** the rest: it cannot be part of a request, and would have to hold any reply that crosses the switch */
  other: number;
}

function measure(lab: Lab): Crossing {
  const client = lab.counters('client')['eth0']!;
  const { eth0, baton0 } = lab.counters('switch');
  const received = (at: DeviceCounters) => at.receivedBytes - at.linkHeader * at.receivedPackets;
  const toSwitch = received(eth0!);
  const fromClient = baton0 ? baton0.sentBytes - baton0.linkHeader * baton0.sentPackets : 0;
  return {
    toClient: received(client),
    toSwitch,
    fromClient,
    other: toSwitch - fromClient,
  };
}

function difference(after: Crossing, before: Crossing): Crossing {
  return {
    toClient: after.toClient - before.toClient,
    toSwitch: after.toSwitch - before.toSwitch,
    fromClient: after.fromClient - before.fromClient,
    other: Math.max(0, after.other - before.other),
  };
}
