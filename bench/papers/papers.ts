// The papers' experiments: tables (papers.md) and plots (SVG) in a folder.
// node build/papers.mjs [--out FOLDER]
import { parseArgs } from 'node:util';
import { measureAll, pagesOf } from './all.ts';
import { writePages } from './page.ts';

const { values } = parseArgs({ options: { out: { type: 'string', default: 'build/papers' } } });
const measured = await measureAll((what) => console.log(`papers: ${what}`));
for (const file of writePages(values.out, pagesOf(measured))) console.log(file);
