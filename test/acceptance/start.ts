// npm start -- --once on a fresh clone: exit 0, and the figures it prints were measured.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Report } from '../support/report.ts';

const LIMIT_MS = 300_000;
const report = new Report();
const source = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'baton-clone-'));

function run(
  command: string,
  args: string[],
  cwd: string,
): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: LIMIT_MS,
  });
  return { status, text: stdout + stderr };
}

function start(): string {
  const clone = join(folder, 'clone');
  report.check('git clone', run('git', ['clone', '-q', source, clone], folder).status === 0);
  const { status, text } = run('npm', ['start', '--', '--once'], clone);
  console.log(text.replace(/^/gm, '  | '));
  report.check('npm start -- --once exits with 0', status === 0, `exit ${status}`);
  return text;
}

try {
  const [first, second] = [
    start(),
    run('npm', ['start', '--', '--once'], join(folder, 'clone')).text,
  ];
  const figures = (text: string): string[] => text.match(/\d+(?:\.\d+)? (?:ms|MB\/s)/g) ?? [];
  report.check('it prints times and rates', figures(first).length > 3, figures(first).join(', '));
  report.check(
    'two runs print different ones: they are measured',
    figures(first).join() !== figures(second).join(),
  );
  // baton-lab-PID-…: a lab of another terminal may be up
  const names = run('ip', ['netns', 'list'], folder).text.match(/baton-lab-(\d+)\S*/g) ?? [];
  const left = names.filter((name) => !existsSync(`/proc/${name.split('-')[2]}`));
  report.check('no namespace of it is left', left.length === 0, left.join(' '));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report.finish();
