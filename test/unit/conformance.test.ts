import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as L from '../../assembly/layout.ts';
import { compileCore } from '../../src/core.ts';
import { vectorText } from '../conformance/scenes.ts';
import { playAll, type Played } from '../conformance/play.ts';
import { Machines } from '../conformance/hosts/machine.ts';

const test = suite('conformance');
const VECTORS = fileURLToPath(new URL('../test/golden/vectors.txt', import.meta.url));

test('conformance: the vectors are what this core does (UPDATE_GOLDEN=1 writes them)', async () => {
  const text = await vectorText();
  if (process.env['UPDATE_GOLDEN']) writeFileSync(VECTORS, text);
  const kept = readFileSync(VECTORS, 'utf8').split('\n');
  text.split('\n').forEach((line, index) => assert.is(line, kept[index], `line ${index + 1}`));
});

test('conformance: all builds, four threads on one table', () => {
  const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  for (const [build, name] of Object.entries({ threads: 'core', single: 'core-single' })) {
    const args = [path('./conformance-node.mjs'), path(`./${name}.wasm`), VECTORS, build];
    const text = execFileSync(process.execPath, args, { encoding: 'utf8' });
    const played = JSON.parse(text) as Played & { threads: number };
    assert.equal(played.wrong, []);
    assert.ok(played.checked > 400, `${played.checked} steps`);
    assert.is(played.threads, build === 'single' ? 1 : 4);
  }
});

test('conformance: a result, a byte or a digest that is another is found', async () => {
  const machines = new Machines(await compileCore('single'), false);
  const text = readFileSync(VECTORS, 'utf8');
  const play = async (changed: string) => {
    assert.is.not(changed, text);
    return (await playAll(changed, { machine: (pages) => machines.fresh(pages) })).wrong.length;
  };
  assert.ok((await play(text.replace(/(c forward .* = )1/, '$12'))) > 0);
  assert.ok((await play(text.replace(/(c forward .* = 1) \S{8}/, '$1 00000000'))) > 0);
  assert.ok((await play(text.replace(/^(w \S+ )../m, '$1ff'))) > 0);
});

test('conformance: what is private may be anything, its neighbours may not', async () => {
  const machines = new Machines(await compileCore('single'), false);
  const text = readFileSync(VECTORS, 'utf8');
  const playFilled = (places: RegExp, shift: number) => {
    const filled = text.replace(places, (line, at: string, length: string) => {
      const address = (Number.parseInt(at, 16) + shift).toString(16);
      return `${line}\nw ${address} ${'a5'.repeat(Number.parseInt(length, 16))}`;
    });
    assert.is.not(filled, text);
    return playAll(filled, { machine: (pages) => machines.fresh(pages) });
  };
  assert.equal((await playFilled(/^p (\S+) (\S+)$/gm, 0)).wrong, []);
  const { wrong } = await playFilled(/^p (\S+) (\S+)$/m, L.CONTROL_LIST - L.CONTROL_HEAD);
  assert.ok(wrong.length > 0);
});

test.run();
