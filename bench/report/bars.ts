// Horizontal bars as SVG: what was asked and reached, and figures beside their rivals.
import { escape, label, line } from './plot.ts';
import { goodness, minimum, roundText, type Figure, type Ratio } from './sheet.ts';

const WIDTH = 900;
const NAMES = 420;
const LONGEST = 300;
const STEP = 20;
const TOP = 44;
const GOOD = '#228833';
const MISSED = '#ee6677';
const OURS = '#4477aa';
const RIVAL = '#bbbbbb';
/** Powers of two on each side of what was asked. */
const SPAN = 4;

function bar(x: number, y: number, width: number, colour: string): string {
  const place = `x="${x.toFixed(1)}" y="${y}" width="${Math.max(1, width).toFixed(1)}"`;
  return `<rect ${place} height="${STEP - 6}" fill="${colour}"/>`;
}

function picture(title: string, rows: number, parts: string[]): string {
  const height = TOP + rows * STEP + 10;
  const size = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    label(WIDTH / 2, 20, title, 'middle', ' font-weight="bold"'),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** All that was asked: bars to the left of the line are met, to the right missed; each mark doubles. */
export function drawRatios(title: string, ratios: readonly Ratio[]): string {
  const unit = LONGEST / 2 / SPAN;
  const middle = NAMES + LONGEST / 2;
  const bottom = TOP + ratios.length * STEP;
  const marks = Array.from({ length: 2 * SPAN + 1 }, (_, index) => {
    const x = NAMES + index * unit;
    return line(x, TOP - 6, x, bottom, x === middle ? '#333333' : '#dddddd');
  });
  const rows = ratios.flatMap((ratio, index) => {
    const y = TOP + index * STEP;
    const good = goodness(ratio) ?? 1;
    const power = Math.max(-SPAN, Math.min(SPAN, Math.log2(good)));
    const isMet = good <= 1;
    const width = Math.abs(power) * unit;
    return [
      label(NAMES - 8, y + 11, ratio.subject, 'end'),
      bar(isMet ? middle - width : middle, y, width, isMet ? GOOD : MISSED),
      label(
        NAMES + LONGEST + 8,
        y + 11,
        `${roundText(ratio.value)} (${ratio.asked ?? ''})`,
        'start',
      ),
    ];
  });
  const heads = [
    label(middle - 6, TOP - 10, 'met', 'end'),
    label(middle + 6, TOP - 10, 'missed', 'start'),
  ];
  return picture(title, ratios.length, [...marks, ...heads, ...rows]);
}

/** The least sample of each form, its bar as a part of the subject's greatest; the first form is ours. */
export function drawFigures(title: string, figures: readonly Figure[]): string {
  const subjects = [...new Set(figures.map(({ subject }) => subject))];
  let y = TOP;
  const parts = subjects.flatMap((subject) => {
    const forms = figures.filter((figure) => figure.subject === subject);
    const greatest = Math.max(...forms.map(({ samples }) => minimum(samples)), Number.MIN_VALUE);
    return forms.flatMap(({ form, unit, samples }, index) => {
      const value = minimum(samples);
      const at = y;
      y += STEP;
      return [
        label(NAMES - 8, at + 11, `${subject}: ${form}`, 'end'),
        bar(NAMES, at, (LONGEST * value) / greatest, index === 0 ? OURS : RIVAL),
        label(NAMES + LONGEST + 8, at + 11, `${roundText(value)} ${unit}`, 'start'),
      ];
    });
  });
  return picture(title, (y - TOP) / STEP, parts);
}
