// npm run cases -- FILE [--only ID,ID] [--area AREA] [--times N] [--core]: a catalogue of bad inputs.
import { parseArgs } from 'node:util';
import { readCatalogue } from '../cases/catalogue.ts';
import type { Case, Finding } from '../cases/catalogue.ts';
import { runInProcess, runThroughLab } from '../cases/run.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    area: { type: 'string' },
    times: { type: 'string', default: '1' },
    core: { type: 'boolean', default: false },
  },
});

/** Prints a line per case; how many passed. */
function report(
  cases: Case[],
  findings: Finding[],
  times: number,
): { passed: number; failed: number } {
  const count = { passed: 0, failed: 0 };
  for (const one of cases) {
    const own = findings.filter(({ id }) => id === one.id);
    if (one.kind === 'scenario') {
      console.log(`     ${one.id} ${one.title}: ${one.held_by ?? 'held by the ordinary tests'}`);
      continue;
    }
    const problems = own.flatMap(({ through, problems: found }) =>
      found.map((problem) => `${through}: ${problem}`),
    );
    if (own.length === 0) problems.push('was not run');
    const ways = [...new Set(own.map(({ through }) => through))].join(', ');
    const often = times > 1 && one.kind === 'packets' ? `, ${own.length} runs` : '';
    console.log(
      `${problems.length === 0 ? 'ok  ' : 'FAIL'} ${one.id} ${one.title} (${ways}${often})`,
    );
    for (const problem of new Set(problems)) console.log(`     ${problem}`);
    if (problems.length === 0) count.passed += 1;
    else count.failed += 1;
  }
  return count;
}

async function main(): Promise<void> {
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) {
    throw new Error(
      'usage: npm run cases -- FILE [--only ID,ID] [--area AREA] [--times N] [--core]',
    );
  }
  const times = Number(values.times);
  const catalogue = readCatalogue(file);
  const only = values.only?.split(',');
  const cases = catalogue.cases.filter(
    ({ id, area, kind }) =>
      (only === undefined || only.includes(id)) &&
      (values.area ?? area) === area &&
      !(values.core && kind === 'http'),
  );
  const findings = await runInProcess(catalogue, cases);
  const packets = cases.filter(({ kind }) => kind === 'packets');
  const inLab = cases.filter(({ kind }) => kind === 'packets' || kind === 'http');
  if (!values.core && inLab.length > 0) {
    findings.push(...(await runThroughLab(catalogue, file, inLab, 'echo')));
    // the same request in the eyes of a server that resolves paths
    const http = inLab.filter(({ kind }) => kind === 'http');
    if (http.length > 0) findings.push(...(await runThroughLab(catalogue, file, http, 'nginx')));
    for (let turn = 1; turn < times && packets.length > 0; turn += 1) {
      findings.push(...(await runThroughLab(catalogue, file, packets, 'echo')));
    }
  }
  const { passed, failed } = report(cases, findings, times);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

await main().catch((error: Error) => {
  console.error(`cases: ${error.message}`);
  process.exitCode = 1;
});
