// The README's part about speed: a table and two plots, from what `npm run bench` wrote.
import { drawRatios } from './bars.ts';
import { machineText } from './machine.ts';
import { drawPlot, type Series } from './plot.ts';
import { goodness, median, roundText, type SheetContent } from './sheet.ts';

const BEGIN = '<!-- bench: written by npm run bench:readme -->';
const END = '<!-- bench: end -->';
const RIVAL = 'HAProxy';
const ROW = /^proxy (\d+) (KiB|MiB)( keep-alive)?, front-end CPU$/;

/** Front-end CPU per request by object size, as a part of HAProxy's: a line for each program and way. */
export function proxySeries(sheets: readonly SheetContent[]): Series[] {
  const lines = new Map<string, [number, number][]>();
  const figures = sheets.flatMap((sheet) => sheet.figures);
  for (const { subject, form, samples } of figures) {
    const [, count, unit, way = ''] = ROW.exec(subject) ?? [];
    const rival = figures.find((other) => other.subject === subject && other.form === RIVAL);
    if (count === undefined || !rival || form === RIVAL) continue;
    const kib = Number(count) * (unit === 'MiB' ? 1024 : 1);
    const name = `${form}${way || ', close'}`;
    const share = median(samples) / median(rival.samples);
    lines.set(name, [...(lines.get(name) ?? []), [kib, share]]);
  }
  return [...lines].map(([name, points]) => ({
    name,
    points: points.toSorted(([one], [other]) => one - other),
  }));
}

export interface Picture {
  file: string;
  title: string;
  svg: string;
}

export function readmePlots(sheets: readonly SheetContent[]): Picture[] {
  const asked = sheets.flatMap(({ ratios }) => ratios.filter((each) => each.asked !== undefined));
  const title = 'What was asked, and what was reached';
  const pictures = [{ file: 'ratios.svg', title, svg: drawRatios(title, asked) }];
  const series = proxySeries(sheets);
  if (series.length > 0) {
    const plot = {
      name: 'proxy',
      title: `Front-end CPU per request (${RIVAL} = 1)`,
      x: 'object size, KiB',
      y: `times ${RIVAL}'s`,
      isLogarithmic: true,
      series,
    };
    pictures.push({ file: 'proxy.svg', title: plot.title, svg: drawPlot(plot) });
  }
  return pictures;
}

function tableOf(sheets: readonly SheetContent[]): string[] {
  const rows = sheets.flatMap(({ name, ratios }) =>
    ratios
      .filter(({ asked }) => asked !== undefined)
      .map((ratio) => {
        const reached = goodness(ratio)! <= 1 ? 'met' : '**missed**';
        const cells = [name, ratio.subject, roundText(ratio.value), ratio.asked!, reached];
        return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
      }),
  );
  return ['| comparison | what | measured | asked | |', '| --- | --- | --- | --- | --- |', ...rows];
}

/** The README with the part between the two marks written anew; `folder`: where the plots are. */
export function withFigures(
  readme: string,
  sheets: readonly SheetContent[],
  folder: string,
): string {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`README: no "${BEGIN}" before "${END}"`);
  const machines = [...new Set(sheets.map(({ machine }) => machineText(machine)))];
  const days = sheets.map(({ begun }) => begun.slice(0, 10)).toSorted();
  const when = days[0] === days.at(-1) ? days[0]! : `${days[0]} to ${days.at(-1)}`;
  const lines = [
    BEGIN,
    '<!-- prettier-ignore-start -->',
    '',
    `Measured on ${machines.join('; and on ')} (${when}).`,
    '',
    ...tableOf(sheets),
    '',
    ...readmePlots(sheets).map(({ file, title }) => `![${title}](${folder}/${file})\n`),
    '<!-- prettier-ignore-end -->',
  ];
  return `${readme.slice(0, from)}${lines.join('\n')}\n${readme.slice(to)}`;
}
