import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readCatalogue } from './catalogue.ts';
import type { Matcher, PacketCase } from './catalogue.ts';
import { CoreWire } from './core-wire.ts';
import { PacketRun } from './packet-case.ts';
import { runInProcess } from './run.ts';

const folder = new URL('../test/', import.meta.url);
const catalogue = readCatalogue(new URL('cases/catalogue.json', folder).pathname);

test('cases: packets and units of the own catalogue, through the core', async () => {
  const findings = await runInProcess(catalogue, catalogue.cases);
  assert.ok(findings.length > 40, `${findings.length} cases`);
  for (const { id, problems } of findings) assert.equal(problems, [], id);
});

test('cases: ids are there once, every scenario names a test that exists', () => {
  const ids = catalogue.cases.map(({ id }) => id);
  assert.is(new Set(ids).size, ids.length);
  for (const one of catalogue.cases) {
    if (one.kind !== 'scenario') continue;
    const [, file = '', name = ''] = /^(\S+\.ts): (.+)$/.exec(one.held_by ?? '') ?? [];
    const path = new URL(file, folder);
    assert.ok(file !== '' && existsSync(path), `${one.id}: no file in ${one.held_by}`);
    assert.ok(readFileSync(path, 'utf8').includes(name), `${one.id}: no test ${one.held_by}`);
  }
});

test('cases: what a case does not want is found', async () => {
  const plain = catalogue.cases.find((one): one is PacketCase => one.id === 'P01')!;
  const wrong: Matcher[] = [
    { served: { target: '/other' } },
    { served: { target: '/own' }, routed_as: '/other' },
    { flags: 'R*' },
    { none: true },
    { not_served: true },
    { status: '400' },
  ];
  for (const matcher of wrong) {
    const steps = [...plain.steps];
    steps[steps.length - 1] = { do: 'expect', any_of: [matcher], within_ms: 500 };
    const run = new PacketRun({ ...plain, steps }, await CoreWire.make(), catalogue);
    assert.is((await run.run()).length, 1, JSON.stringify(matcher));
  }
});

test.run();
