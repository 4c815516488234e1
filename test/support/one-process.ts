import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** What examples/one-process says, line by line, and what it should say. */
export function runOneProcess(root: string): { said: string[]; expected: string[] } {
  const program = join(root, 'build/example-one-process.mjs');
  const said = execFileSync(process.execPath, [program], { encoding: 'utf8', timeout: 20_000 });
  const answer = (server: number, path: string, client: number): string =>
    `192.0.2.80 said: server${server} has ${path} for 198.51.100.${client}:${40_000 + client}`;
  const expected = [
    ...[1, 3, 5].map((client) => answer(1, `/page${client}.html`, client)),
    ...[2, 4, 6].map((client) => answer(2, `/images/${client}.png`, client)),
    // its SYN-ACKs, of 44 bytes, and nothing of an answer
    '6 connections handed over; the switch sent its clients 264 bytes',
  ];
  return { said: said.trim().split('\n'), expected };
}
