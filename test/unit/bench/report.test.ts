import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { htmlReport } from '../../../bench/report/html.ts';
import { thisMachine } from '../../../bench/report/machine.ts';
import { proxySeries, readmePlots, withFigures } from '../../../bench/report/readme.ts';
import { goodness, type SheetContent } from '../../../bench/report/sheet.ts';

const test = suite('bench: report');

const subject = 'proxy 100 KiB keep-alive, front-end CPU';
const unit = 'us/request';
const sheet: SheetContent = {
  name: 'proxy',
  about: 'baton & <others>',
  figures: [
    { subject, form: 'baton', unit, samples: [30, 20, 40] },
    { subject, form: 'HAProxy', version: '2.6.12', unit, samples: [100, 110, 90] },
  ],
  ratios: [
    { subject, value: 0.3, asked: 'at most 0.2' },
    { subject: 'speed', value: 7, asked: 'at least 5' },
    { subject: 'shown only', value: 2 },
  ],
  notes: ['the profile: 40 % are system calls'],
  machine: { ...thisMachine(), cpu: 'a <CPU>' },
  begun: '2026-01-02T03:04:05.000Z',
  seconds: 7,
};

test('bench: what was asked decides whether a ratio is met', () => {
  const good = sheet.ratios.map(goodness);
  assert.ok(good[0]! > 1);
  assert.ok(good[1]! < 1);
  assert.is(good[2], undefined);
});

/** Every element that is opened is closed, in order. */
function isWellFormed(text: string): boolean {
  const open: string[] = [];
  for (const [, end, name, empty] of text.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/gi)) {
    if (name === 'meta' || empty) continue;
    if (!end) open.push(name!);
    else if (open.pop() !== name) return false;
  }
  return open.length === 0;
}

test('bench: the report names the machine, versions, noise, misses and their notes', () => {
  const html = htmlReport([sheet], ['core: not ended after 5 s']);
  for (const text of [
    'a &lt;CPU&gt;',
    'baton &amp; &lt;others&gt;',
    '2.6.12',
    '<td>20</td><td>30</td><td>40</td><td>3</td>',
    'why a figure is missed',
    'the profile: 40 % are system calls',
    'core: not ended after 5 s',
    '<span class="missed">missed</span>',
    '<span class="met">met</span>',
    `Node ${process.versions.node}`,
  ]) {
    assert.ok(html.includes(text), text);
  }
  assert.is(html.match(/<svg/g)!.length, 2);
  assert.ok(isWellFormed(html));
  // nothing is loaded from elsewhere
  assert.not(/(src|href)=|@import|url\(/.test(html));
});

test("bench: the README's part is written between its marks, with misses in it", () => {
  const marks = ['<!-- bench: written by npm run bench:readme -->', '<!-- bench: end -->'];
  const once = withFigures(`before\n${marks.join('\nold\n')}\nafter\n`, [sheet], 'docs/bench');
  assert.ok(once.startsWith('before\n') && once.endsWith('\nafter\n') && !once.includes('old'));
  assert.ok(once.includes(`| proxy | ${subject} | 0.3 | at most 0.2 | **missed** |`));
  assert.ok(once.includes('](docs/bench/proxy.svg)'));
  assert.is(withFigures(once, [sheet], 'docs/bench'), once);
  assert.throws(() => withFigures('nothing', [sheet], 'docs/bench'), /README/);
});

test("bench: the README's plots are the ratios and the front end's CPU by size", () => {
  assert.equal(proxySeries([sheet]), [{ name: 'baton keep-alive', points: [[100, 0.3]] }]);
  const plots = readmePlots([sheet]);
  assert.equal(
    plots.map(({ file }) => file),
    ['ratios.svg', 'proxy.svg'],
  );
  assert.ok(plots.every(({ svg }) => isWellFormed(svg)));
});

test.run();
