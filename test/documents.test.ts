// The documents' examples work: their YAML passes `check`, their links lead somewhere.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, stringify } from 'yaml';
import { writeKeys } from '../src/channel/keygen.ts';
import { formatEndpoint } from '../src/config/address.ts';
import { parseConfig } from '../src/config/load.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const documents = [
  ...readdirSync(root),
  ...readdirSync(join(root, 'docs')).map((name) => join('docs', name)),
].filter((name) => name.endsWith('.md'));
const test = suite('documents');

/** YAML blocks of a document; those without roles are parts of a switch's file. */
function examples(document: string): { whole: string[]; parts: string[] } {
  const text = readFileSync(join(root, document), 'utf8');
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block]) => block!);
  const isWhole = (block: string): boolean => /^roles:/m.test(block);
  return { whole: blocks.filter(isWhole), parts: blocks.filter((block) => !isWhole(block)) };
}

const { whole, parts } = examples('docs/configuration.md');
const folder = mkdtempSync(join(tmpdir(), 'baton-documents-'));
test.after(() => rmSync(folder, { recursive: true }));

test('documents: the configurations pass the check, with keys by keygen', async () => {
  assert.is(whole.length, 5);
  await writeKeys(join(folder, 'keys'), ['switch', 'server1', 'dispatcher']);
  const [ofSwitch, ofAgent, inFront, beside, dispatcher] = whole.map((text) =>
    parseConfig(text, join(folder, 'a.yaml')),
  );
  const [server] = ofSwitch!.servers;
  const { listen } = ofAgent!.agent!;
  assert.is(server!.name, ofAgent!.name);
  assert.equal(server!.agent, listen, formatEndpoint(listen.address, listen.port));
  assert.ok(inFront!.inFront);
  assert.equal(inFront!.servers[0]!.agent, beside!.agent!.listen);
  assert.equal(inFront!.switch!.key, beside!.switch!.key);
  assert.is(inFront!.switch!.group, beside!.switch!.group);
  assert.equal(dispatcher!.pools, beside!.pools);
});

test('documents: each part, laid over the switch example, passes the check', () => {
  assert.ok(parts.length > 0);
  for (const part of parts) {
    const laid = { ...(parse(whole[0]!) as object), ...(parse(part) as object) };
    parseConfig(stringify(laid), join(folder, 'a.yaml'));
  }
});

test('documents: the files of the first steps pass the check, and fit each other', async () => {
  const own = join(folder, 'started');
  await writeKeys(join(own, 'keys'), ['switch', 'server1', 'server2']);
  const started = examples('docs/getting-started.md');
  assert.equal(started.parts, []);
  const [one, other, ofSwitch] = started.whole.map((text) =>
    parseConfig(text.replace('KEY', '5a'.repeat(32)), join(own, 'a.yaml')),
  );
  const agents = ofSwitch!.servers.map(({ name, agent }) => [name, agent]);
  assert.equal(
    agents,
    [one, other].map((host) => [host!.name, host!.agent!.listen]),
  );
});

const CHECKED = ['docs/configuration.md', 'docs/getting-started.md'];

test('documents: no YAML stands where nobody checks it', () => {
  for (const document of documents.filter((name) => !CHECKED.includes(name))) {
    assert.equal(examples(document), { whole: [], parts: [] }, document);
  }
});

test('documents: links within the project lead to files', () => {
  for (const document of documents) {
    const text = readFileSync(join(root, document), 'utf8');
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      assert.ok(existsSync(join(root, dirname(document), target!)), `${document}: ${target}`);
    }
  }
});

test.run();
