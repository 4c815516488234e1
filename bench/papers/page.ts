// What an experiment found, and how it is written down.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawPlot } from '../report/plot.ts';
import type { Plot } from '../report/plot.ts';

/** A published figure beside ours; `paper` says so where none was found. */
export interface Figure {
  what: string;
  paper: string;
  setUp: string;
  ours: string;
  /** why ours differs */
  why: string;
}

export interface Table {
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

export interface Page {
  title: string;
  /** paragraphs: the model and what it leaves out */
  text: readonly string[];
  figures: readonly Figure[];
  tables: readonly Table[];
  plots: readonly Plot[];
}

function tableText({ columns, rows }: Table): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}

function figureTable(figures: readonly Figure[]): Table {
  return {
    columns: ['', 'the paper', "the paper's set-up", 'ours', 'why ours differs'],
    rows: figures.map(({ what, paper, setUp, ours, why }) => [what, paper, setUp, ours, why]),
  };
}

function pageText({ title, text, figures, tables, plots }: Page): string {
  const parts = [
    `## ${title}`,
    ...text,
    ...(figures.length > 0 ? [tableText(figureTable(figures))] : []),
    ...tables.map(tableText),
    ...plots.map((plot) => `![${plot.title}](${plot.name}.svg)`),
  ];
  return parts.join('\n\n');
}

/** Writes papers.md and an SVG file for each plot; returns the files. */
export function writePages(folder: string, pages: readonly Page[]): string[] {
  mkdirSync(folder, { recursive: true });
  const files: string[] = [];
  const write = (name: string, text: string): void => {
    files.push(join(folder, name));
    writeFileSync(join(folder, name), text);
  };
  write('papers.md', `# The papers' experiments\n\n${pages.map(pageText).join('\n\n')}\n`);
  for (const plot of pages.flatMap((page) => page.plots)) write(`${plot.name}.svg`, drawPlot(plot));
  return files;
}
