// The report of `npm run bench` as one HTML file that needs nothing else.
import { drawFigures, drawRatios } from './bars.ts';
import { machineText } from './machine.ts';
import { escape } from './plot.ts';
import { goodness, median, minimum, roundText, type Figure, type SheetContent } from './sheet.ts';

const STYLE = `body { font-family: sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.9rem; }
td, th { border: 1px solid #cccccc; padding: 0.2rem 0.5rem; text-align: left; }
.met { color: #1a6628; } .missed { color: #b0222f; font-weight: bold; }
svg { max-width: 100%; height: auto; }`;

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  return `<table>\n${[line('th', columns), ...rows.map((row) => line('td', row))].join('\n')}\n</table>`;
}

function verdict(good: number | undefined): string {
  if (good === undefined) return '';
  return good <= 1 ? '<span class="met">met</span>' : '<span class="missed">missed</span>';
}

function figureRow({ subject, form, version, unit, samples }: Figure): string[] {
  const [least, middle, most] = [minimum(samples), median(samples), Math.max(...samples)];
  const values = [least, middle, most].map(roundText);
  return [subject, form, version ?? '', unit].map(escape).concat(values, String(samples.length));
}

function drawnByUnit({ name, figures }: SheetContent): string[] {
  const forms = new Map<string, number>();
  for (const { subject } of figures) forms.set(subject, (forms.get(subject) ?? 0) + 1);
  const beside = figures.filter(({ subject }) => forms.get(subject)! > 1);
  const units = [...new Set(beside.map(({ unit }) => unit))];
  return units.map((unit) =>
    drawFigures(
      `${name}: ${unit}, the least of the rounds`,
      beside.filter((figure) => figure.unit === unit),
    ),
  );
}

function section(sheet: SheetContent): string {
  const { name, about, figures, ratios, notes, machine, begun, seconds } = sheet;
  const isMissed = ratios.some((ratio) => (goodness(ratio) ?? 0) > 1);
  const rows = ratios.map((ratio) => [
    escape(ratio.subject),
    roundText(ratio.value),
    escape(ratio.asked ?? ''),
    verdict(goodness(ratio)),
  ]);
  const said = isMissed ? 'What it said, and why a figure is missed' : 'What it said';
  return [
    `<section id="${escape(name)}"><h2>${escape(name)}</h2>`,
    `<p>${escape(about)}</p>`,
    `<p>${escape(`${begun}, ${seconds} s, commit ${machine.commit}`)};`,
    `load of the machine when it began: ${machine.load}.</p>`,
    table(['', 'ratio', 'asked', ''], rows),
    ...(notes.length > 0
      ? [`<h3>${said}</h3>`, `<ul>${notes.map((note) => `<li>${escape(note)}</li>`).join('')}</ul>`]
      : []),
    ...drawnByUnit(sheet),
    '<details><summary>All figures</summary>',
    table(
      ['', 'who', 'version', 'unit', 'minimum', 'median', 'maximum', 'rounds'],
      figures.map(figureRow),
    ),
    '</details></section>',
  ].join('\n');
}

/** `absent`: comparisons that did not come to their end, and why. */
export function htmlReport(sheets: readonly SheetContent[], absent: readonly string[]): string {
  const machines = [...new Set(sheets.map(({ machine }) => machineText(machine)))];
  const asked = sheets.flatMap(({ ratios }) => ratios.filter((each) => each.asked !== undefined));
  return [
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>baton: bench</title>',
    `<style>${STYLE}</style></head><body><h1>baton: bench</h1>`,
    ...machines.map((machine) => `<p>${escape(machine)}</p>`),
    '<p>Each figure stands beside its rival, measured in the same run, in turn. How far the rounds lie',
    'apart (minimum, median, maximum) is the noise: what other programs took is in them.</p>',
    ...absent.map((line) => `<p class="missed">${escape(line)}</p>`),
    ...(asked.length > 0 ? [drawRatios('What was asked, and what was reached', asked)] : []),
    ...sheets.map(section),
    '</body></html>\n',
  ].join('\n');
}
