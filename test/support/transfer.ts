// Byte-exact transfers through a lab with nginx or Apache, and the load generators' own counts.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { streamChunks } from '../../src/lab/byte-stream.ts';
import type { TestLab } from './lab.ts';
import type { Report } from './report.ts';

const TRANSFER_LIMIT_MS = 60_000;

/** SHA-256 of the first `length` bytes of the lab's stream. */
export function streamDigest(length: number): string {
  const hash = createHash('sha256');
  for (const chunk of streamChunks(length)) hash.update(chunk);
  return hash.digest('hex');
}

/** Downloads `/name` by curl in the client's host; passes when every byte is that of the stream. */
export async function checkDownload(
  lab: TestLab,
  report: Report,
  what: string,
  name: string,
  length: number,
): Promise<void> {
  const url = `${lab.environment['BATON_URL']}/${name}`;
  const script = `curl -sS -f --max-time 50 ${url} | sha256sum`;
  const started = Date.now();
  const { stdout, stderr } = await lab.run('client', ['sh', '-c', script], {
    timeout: TRANSFER_LIMIT_MS,
  });
  const exact = stdout.startsWith(streamDigest(length));
  const rate = length / 1e3 / (Date.now() - started);
  report.check(
    `${what}: download of ${length} bytes`,
    exact,
    exact ? `${rate.toFixed(0)} MB/s` : stderr,
  );
}

/** A file with the first `length` bytes of the stream, in the lab's directory. */
export function streamFile(lab: TestLab, length: number): string {
  const file = join(lab.directory, `stream-${length}`);
  if (existsSync(file)) return file;
  writeFileSync(file, '');
  for (const chunk of streamChunks(length)) appendFileSync(file, chunk);
  return file;
}

let uploads = 0;

/** PUTs a file by curl with the given extra arguments; passes when the server's copy is equal. */
export async function checkUpload(
  lab: TestLab,
  report: Report,
  what: string,
  length: number,
  extra: string[] = [],
): Promise<string> {
  const name = `put-${(uploads += 1)}`;
  const url = `${lab.environment['BATON_URL']}/upload/${name}`;
  const file = streamFile(lab, length);
  const started = Date.now();
  const command = ['curl', '-sS', '-v', '-f', '--max-time', '50', ...extra, '-T', file, url];
  const { status, stderr } = await lab.run('client', command, { timeout: TRANSFER_LIMIT_MS });
  const stored = join(lab.directory, 'www/upload', name);
  const exact =
    status === 0 && existsSync(stored) && readFileSync(stored).equals(readFileSync(file));
  const rate = length / 1e3 / (Date.now() - started);
  report.check(
    `${what}: upload of ${length} bytes`,
    exact,
    exact ? `${rate.toFixed(0)} MB/s` : stderr,
  );
  rmSync(stored, { force: true });
  return stderr;
}

/** ab: `count` requests, `concurrency` at once, with or without keep-alive; 0 may fail. */
export async function checkAb(
  lab: TestLab,
  report: Report,
  what: string,
  count: number,
  concurrency: number,
  keepAlive: boolean,
): Promise<void> {
  const url = `${lab.environment['BATON_URL']}/1k`;
  const options = ['-q', '-r', '-s', '30', '-n', String(count), '-c', String(concurrency)];
  const command = ['ab', ...options, ...(keepAlive ? ['-k'] : []), url];
  const { stdout, stderr } = await lab.run('client', command, { timeout: TRANSFER_LIMIT_MS });
  const figure = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(stdout)?.[1] ?? -1);
  const complete = figure('Complete requests');
  const failed = figure('Failed requests');
  const refused = /Non-2xx responses/.test(stdout) ? figure('Non-2xx responses') : 0;
  const rate = /Requests per second:\s+(\S+)/.exec(stdout)?.[1] ?? stderr.slice(-300);
  report.check(
    `${what}: ab, ${count} requests ${keepAlive ? 'with' : 'without'} keep-alive`,
    complete === count && failed === 0 && refused === 0,
    `${complete} complete, ${failed} failed, ${refused} not 2xx, ${rate}/s`,
  );
}

/** wrk with keep-alive for two seconds; no socket error, no other status than 2xx. */
export async function checkWrk(lab: TestLab, report: Report, what: string): Promise<void> {
  const command = ['wrk', '-t1', '-c16', '-d2s', `${lab.environment['BATON_URL']}/10k`];
  const { stdout } = await lab.run('client', command);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  const errors = /Socket errors:.*|Non-2xx.*/.exec(stdout)?.[0] ?? '';
  report.check(
    `${what}: wrk, 16 connections`,
    requests > 0 && errors === '',
    `${requests} requests ${errors}`,
  );
}
