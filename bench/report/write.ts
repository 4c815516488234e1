// What the comparisons left in a folder (NAME.json each): as one JSON file, one HTML file, the README's part.
// node build/bench-report.mjs [--folder FOLDER] [--json FILE] [--html FILE] [--absent TEXT]... [NAME...]
// node build/bench-report.mjs --readme README.md [--plots FOLDER] (--from FILE | [--folder FOLDER] NAME...)
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { htmlReport } from './html.ts';
import { readmePlots, withFigures } from './readme.ts';
import type { SheetContent } from './sheet.ts';

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string', default: 'build/bench' },
    json: { type: 'string' },
    html: { type: 'string' },
    absent: { type: 'string', multiple: true, default: [] },
    readme: { type: 'string' },
    plots: { type: 'string', default: 'docs/bench' },
    from: { type: 'string' },
  },
});

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(file);
}

function sheetsThere(): SheetContent[] {
  const files = names.map((name) => join(values.folder, `${name}.json`)).filter(existsSync);
  return files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as SheetContent);
}

function writeReport(): void {
  const sheets = sheetsThere();
  const { json, html, absent } = values;
  write(json ?? join(values.folder, 'report.json'), JSON.stringify({ sheets, absent }, null, 2));
  write(html ?? join(values.folder, 'report.html'), htmlReport(sheets, absent));
}

function sheetsOf(report: string): SheetContent[] {
  return (JSON.parse(readFileSync(report, 'utf8')) as { sheets: SheetContent[] }).sheets;
}

function writeReadme(readme: string): void {
  const sheets = values.from === undefined ? sheetsThere() : sheetsOf(values.from);
  if (sheets.length === 0) throw new Error('bench: no figures; `npm run bench` writes them');
  for (const { file, svg } of readmePlots(sheets)) write(join(values.plots, file), svg);
  const folder = relative(dirname(readme), values.plots);
  write(readme, withFigures(readFileSync(readme, 'utf8'), sheets, folder));
}

if (values.readme === undefined) writeReport();
else writeReadme(values.readme);
