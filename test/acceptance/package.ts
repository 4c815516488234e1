// The packed package in an empty folder: installed without scripts it runs a lab, and what its document
// shows to embedders type-checks, runs and prints what the document says. publint and attw find nothing.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embed, packProject } from '../support/package.ts';
import { Report } from '../support/report.ts';

const CHECKERS = ['publint@0.3.25', '@arethetypeswrong/cli@0.18.5'];
const LIMIT_MS = 120_000;
const NO_MODULES = ['core.wasm', 'core-single.wasm', 'package.json'];
const report = new Report();
const folder = mkdtempSync(join(tmpdir(), 'baton-package-'));

function run(cwd: string, program: string, ...args: string[]): { status: number; text: string } {
  const options = { cwd, encoding: 'utf8', timeout: LIMIT_MS } as const;
  const { status, stdout, stderr } = spawnSync(program, args, options);
  return { status: status ?? 1, text: stdout + stderr };
}

/** A folder with nothing but these packages. */
function install(name: string, ...packages: string[]): string {
  const place = join(folder, name);
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{ "private": true, "type": "module" }');
  const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages];
  const { status, text } = run(place, 'npm', ...words);
  if (status !== 0) throw new Error(text);
  return place;
}

try {
  const packed = packProject(folder);
  const kib = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;
  const { size } = statSync(packed.file);
  report.note(`${packed.files.length} files, ${kib(size)}, unpacked ${kib(packed.unpackedBytes)}`);

  await report.part('an empty folder', async () => {
    const place = install('empty', packed.file, '@types/node@20');
    const marker = join(place, 'node_modules/koffi/build');
    report.check('nothing was compiled by the installation', !existsSync(marker));
    const get = ['sh', '-c', 'curl -s $BATON_URL/hello'];
    const lab = run(place, 'npx', 'baton', 'lab', '--', ...get);
    const answered = /^server=server\d; .*target=\/hello;$/m.test(lab.text);
    report.check('npx baton lab: curl gets an answer', answered, lab.text.trim());
    report.check('and it exits with 0', lab.status === 0, lab.status);
    const { printed, expected, hostPrinted } = embed(place);
    report.check('programs of docs/package.md type-check, with the declarations', true);
    report.check(
      'the embedded core prints what the document says',
      printed === expected,
      `\n${printed}`,
    );
    const missing = /missing\.yaml: no such file/.test(hostPrinted);
    report.check('the embedded host names a missing configuration', missing, hostPrinted.trim());
    const bare = run(place, process.execPath, '-e', "require.resolve('baton/core-single.wasm')");
    report.check('baton/core-single.wasm is found', bare.status === 0);
  });

  await report.part('checkers', async () => {
    const place = install('checkers', ...CHECKERS);
    const lint = run(place, 'npx', 'publint', 'run', packed.file, '--strict');
    report.check('publint: all good', lint.status === 0, lint.text.trim().split('\n').at(-1));
    const words = [packed.file, '--profile', 'esm-only', '--exclude-entrypoints', ...NO_MODULES];
    const types = run(place, 'npx', 'attw', ...words);
    if (types.status !== 0) report.note(types.text);
    report.check('attw: the types are right for ESM', types.status === 0);
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report.finish();
