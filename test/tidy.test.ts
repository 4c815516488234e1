// The style rules as a test: sizes, names, one-way imports, no literal offsets, no word of where it was made.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((name) => /\.(ts|mjs|md|json|sh|yaml|yml|html)$|^\.ci\//.test(name));
const sources = new Map(
  files.flatMap((name) => {
    try {
      return [[name, readFileSync(join(root, name), 'utf8')] as const];
    } catch {
      return []; // removed in the work tree, not yet in the index
    }
  }),
);
const code = [...sources].filter(([name]) => /\.(ts|mjs)$/.test(name));

const FILE_LINES = 300;
const FUNCTION_LINES = 60;
const LINE_LENGTH = 110;

const tidy = suite('tidy');

tidy('files are short', () => {
  const long = code
    .map(([name, text]) => [name, text.split('\n').length - 1] as const)
    .filter(([, lines]) => lines > FILE_LINES);
  assert.equal(long, []);
});

tidy('lines are short', () => {
  const long = code.flatMap(([name, text]) =>
    text
      .split('\n')
      .map((line, index) => [`${name}:${index + 1}`, line.length] as const)
      .filter(([, length]) => length > LINE_LENGTH),
  );
  assert.equal(long, []);
});

/** Functions as [place, lines]: from a parameter list and "{" at a line's end to the brace of its indent. */
function functionsOf(file: string, text: string): [string, number][] {
  const lines = text.split('\n');
  const found: [string, number][] = [];
  const words = '(?:export |default |private |static |override |async |\\* ?)*';
  const name = '(?!if|for|while|switch|catch)[\\w#]+(?:<.*>)?\\(';
  const opening = new RegExp(`^(\\s*)${words}(?:function\\b|${name}).*\\{$`);
  lines.forEach((line, index) => {
    const match = opening.exec(line);
    if (!match) return;
    const close = `${match[1]}}`;
    const end = lines.findIndex((other, at) => at > index && other.startsWith(close));
    if (end > 0) found.push([`${file}:${index + 1}`, end - index + 1]);
  });
  return found;
}

tidy('functions are short', () => {
  const long = code
    .flatMap(([name, text]) => functionsOf(name, text))
    .filter(([, lines]) => lines > FUNCTION_LINES);
  assert.equal(long, []);
});

tidy('no vague file name', () => {
  const vague = /util|helper|common|misc|manager|handler/;
  assert.equal(
    files.filter((name) => vague.test(basename(name))),
    [],
  );
});

tidy('no enum and no literal offset in the core', () => {
  const found = code
    .filter(([name]) => name.startsWith('assembly/') || name.startsWith('src/'))
    .flatMap(([name, text]) =>
      text
        .split('\n')
        .map((line, index) => [`${name}:${index + 1}`, line] as const)
        .filter(
          ([, line]) =>
            /^\s*(export )?(const )?enum /.test(line) ||
            (name.startsWith('assembly/') &&
              !name.startsWith('assembly/wire/') &&
              /\b(?:load|store)<\w+>\([^()]*, [1-9]\d*\)/.test(line)),
        ),
    );
  assert.equal(found, []);
});

/** Layers, lowest first; a file imports only from its own folder and from lower layers. */
const LAYERS: string[][] = [
  ['assembly'],
  [
    'src/beside.ts',
    'src/core.ts',
    'src/memory-map.ts',
    'src/service-rows.ts',
    'src/config',
    'src/event.ts',
    'src/clock.ts',
    'src/tuple.ts',
    'src/template.ts',
    'src/table-walk.ts',
    'src/slots.ts',
  ],
  ['src/channel', 'src/connections.ts', 'src/packet'],
  ['src/packet-io', 'src/reserve.ts'],
  ['src/workers', 'src/control', 'src/agent'],
  ['src/admin'],
  ['src/host'],
  ['src/run.ts'],
  ['src/lab', 'src/cli', 'src/index.ts', 'src/index-host.ts', 'src/index-planes.ts'],
  ['src/main.ts'],
  ['src/binary'],
];

function partOf(name: string): [layer: number, part: string] {
  for (const [layer, parts] of LAYERS.entries()) {
    for (const part of parts) {
      if (name === part || name.startsWith(`${part}/`)) return [layer, part];
    }
  }
  return [-1, ''];
}

function importsOf(name: string, text: string): string[] {
  return [...text.matchAll(/^(?:import|export)\b(?!\s+type)[^;]*?from '(\.[^']+)'/gms)].map(
    (match) => normalize(join(dirname(name), match[1]!)),
  );
}

tidy('imports go one way', () => {
  const wrong = code
    .filter(([name]) => name.startsWith('src/') || name.startsWith('assembly/'))
    .flatMap(([name, text]) => {
      const [layer, part] = partOf(name);
      if (layer < 0) return [`${name}: belongs to no layer`];
      return importsOf(name, text)
        .filter((target) => {
          const [targetLayer, targetPart] = partOf(target);
          const sharesLayer = targetLayer === layer && (part === targetPart || layer === 1);
          return targetLayer < 0 || targetLayer > layer || (targetLayer === layer && !sharesLayer);
        })
        .map((target) => `${name} imports ${target}`);
    });
  assert.equal(wrong, []);
});

tidy('control has no packet I/O', () => {
  const wrong = code.filter(
    ([name, text]) => /^src\/(control|agent)\//.test(name) && /from '.*packet-io\//.test(text),
  );
  assert.equal(
    wrong.map(([name]) => name).filter((name) => name !== 'src/agent/network.ts'),
    [],
  );
});

tidy('planes have no clock, timer or random number of their own', () => {
  const impure =
    /\b(?:Date\.now|Math\.random|setTimeout|setInterval|performance\.now|process\.hrtime)\b/;
  const wrong = code
    .filter(([name]) => /^src\/(control|agent)\//.test(name) && name !== 'src/agent/network.ts')
    .filter(([, text]) => impure.test(text))
    .map(([name]) => name);
  assert.equal(wrong, []);
});

tidy('the project speaks of itself alone', () => {
  // Spelt in pieces, so that this file passes its own rule.
  const places = ['work', 'farm'].map((name) => `/${name}/`).join('|');
  const hosts = [`registry.${'npmjs'}`, `deb.${'debian'}.org`].join('|');
  const foreign = new RegExp(
    `(^|[^\\w.])(${places})|${hosts}|this ${'session'}|sub${'agent'}|issue #?\\d`,
    'i',
  );
  const wrong = [...sources].flatMap(([name, text]) =>
    text
      .split('\n')
      .map((line, index) => [`${name}:${index + 1}`, line] as const)
      .filter(([, line]) => foreign.test(line)),
  );
  assert.equal(wrong, []);
});

tidy('the lockfile names no download address', () => {
  assert.not.match(sources.get('package-lock.json') ?? '', /"resolved"/);
});

tidy.run();
