import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_LAYOUT_VERSION, LAYOUT_VERSION } from '../../assembly/layout.ts';
import { Core, compileCore, createCore, instantiateCore } from '../../src/core.ts';
import { createMemory, memoryMap, writeMemoryMap } from '../../src/memory-map.ts';
import { SMALL } from '../support/core-host.ts';

const cores = suite('core');
const BUILDS = ['release', 'single', 'debug'] as const;

cores('each build exports what Core calls, and nothing that it lacks', async () => {
  const methods = Object.getOwnPropertyNames(Core.prototype).filter(
    (name) => name !== 'constructor',
  );
  for (const build of BUILDS) {
    const exported = WebAssembly.Module.exports(await compileCore(build))
      .map(({ name }) => name)
      .filter((name) => name !== 'memory' && !name.startsWith('debug'));
    assert.equal(exported.sort(), [...methods, 'layoutVersion'].sort(), build);
  }
});

cores('release and single import nothing but their memory', async () => {
  for (const build of ['release', 'single'] as const) {
    const imports = WebAssembly.Module.imports(await compileCore(build));
    assert.equal(
      imports.map(({ module, name }) => `${module}.${name}`),
      ['env.memory'],
    );
  }
});

cores('the core has no data of its own: every instance would write it again', async () => {
  for (const build of ['release', 'single'] as const) {
    const memory = createMemory(memoryMap(SMALL), build !== 'single');
    writeMemoryMap(memory, memoryMap(SMALL));
    const before = new Uint8Array(memory.buffer).slice();
    instantiateCore(await compileCore(build), memory);
    assert.ok(Buffer.compare(before, new Uint8Array(memory.buffer)) === 0, build);
  }
});

cores('a memory without a map, or with another layout, is refused', async () => {
  const module = await compileCore();
  const map = memoryMap(SMALL);
  const memory = createMemory(map);
  const refusal = new RegExp(`layout version ${LAYOUT_VERSION} expected.*memory 0`);
  assert.throws(() => instantiateCore(module, memory), refusal);
  writeMemoryMap(memory, map);
  new DataView(memory.buffer).setUint32(HEADER_LAYOUT_VERSION, 99, true);
  assert.throws(() => instantiateCore(module, memory), /memory 99/);
});

cores('unsigned results are unsigned', async () => {
  const core = await createCore(SMALL);
  const hashes = Array.from({ length: 64 }, (_, index) => core.hashTarget(index, 8 + index));
  assert.ok(hashes.every((hash) => hash >= 0));
  core.view.setUint32(600, 3, true);
  const steers = Array.from({ length: 64 }, (_, index) => core.steer(4096 + index * 40));
  assert.ok(steers.every((hash) => hash >= 0));
});

cores.run();
