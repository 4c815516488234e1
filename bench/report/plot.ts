// Line charts as SVG, with nothing but text: a legend at the right, ticks at the x values that occur.

export interface Series {
  name: string;
  /** [x, y], x rising */
  points: readonly (readonly [number, number])[];
}

export interface Plot {
  /** of the file, without .svg */
  name: string;
  title: string;
  x: string;
  y: string;
  /** x of the same ratio stand as far apart */
  isLogarithmic?: boolean;
  series: readonly Series[];
}

const WIDTH = 760;
const HEIGHT = 400;
const AREA = { left: 70, right: 540, top: 40, bottom: 340 };
const TICKS = 5;
const COLOURS = ['#4477aa', '#ee6677', '#228833', '#ccbb44', '#66ccee', '#aa3377', '#777777'];
/** Of lines that lie on each other both are seen. */
const DASHES = ['none', '8 3', '2 3', '10 3 2 3', '5 5'];

/** A round number of 1, 2 or 5 times a power of ten that is not less. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].map((digit) => digit * power).find((round) => round >= step * 0.999)!;
}

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

export function label(x: number, y: number, text: string, anchor = 'middle', more = ''): string {
  const at = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`;
  return `<text ${at} text-anchor="${anchor}"${more}>${escape(text)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${stroke}"/>`;
}

interface Scale {
  toX: (value: number) => number;
  toY: (value: number) => number;
  ticksX: number[];
  ticksY: number[];
}

function scaleOf({ series, isLogarithmic }: Plot): Scale {
  const points = series.flatMap((each) => each.points);
  const ticksX = [...new Set(points.map(([x]) => x))].toSorted((a, b) => a - b);
  const place = (x: number): number => (isLogarithmic ? Math.log(x) : x);
  const [first, last] = [place(ticksX[0]!), place(ticksX.at(-1)!)];
  const highest = Math.max(...points.map(([, y]) => y), Number.MIN_VALUE);
  const step = roundStep(highest / TICKS);
  const steps = Math.ceil(highest / step - 1e-9);
  const top = steps * step;
  return {
    toX: (x) => AREA.left + ((AREA.right - AREA.left) * (place(x) - first)) / (last - first || 1),
    toY: (y) => AREA.bottom - ((AREA.bottom - AREA.top) * y) / top,
    ticksX,
    ticksY: Array.from({ length: steps + 1 }, (_, index) => index * step),
  };
}

function axes(plot: Plot, { toX, toY, ticksX, ticksY }: Scale): string[] {
  const { left, right, top, bottom } = AREA;
  const middle = (top + bottom) / 2;
  return [
    ...ticksY.map((y) => line(left, toY(y), right, toY(y), '#dddddd')),
    ...ticksY.map((y) => label(left - 8, toY(y) + 4, String(Number(y.toPrecision(6))), 'end')),
    ...ticksX.map((x) => label(toX(x), bottom + 18, String(x))),
    line(left, bottom, right, bottom, '#333333'),
    line(left, top, left, bottom, '#333333'),
    label((left + right) / 2, bottom + 42, plot.x),
    label(18, middle, plot.y, 'middle', ` transform="rotate(-90 18 ${middle})"`),
    label((left + right) / 2, 22, plot.title, 'middle', ' font-weight="bold"'),
  ];
}

function drawn({ name, points }: Series, index: number, { toX, toY }: Scale): string[] {
  const colour = COLOURS[index % COLOURS.length]!;
  const dash = DASHES[index % DASHES.length]!;
  const style = `fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"`;
  const places = points.map(([x, y]) => [toX(x).toFixed(1), toY(y).toFixed(1)] as const);
  const legend = AREA.top + 10 + index * 22;
  const [from, to] = [AREA.right + 20, AREA.right + 50];
  return [
    `<polyline points="${places.map((place) => place.join(',')).join(' ')}" ${style}/>`,
    ...places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`),
    `<polyline points="${from},${legend} ${to},${legend}" ${style}/>`,
    label(to + 8, legend + 4, name, 'start'),
  ];
}

/** The chart as an SVG file's text; the y axis begins at 0. */
export function drawPlot(plot: Plot): string {
  const scale = scaleOf(plot);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"`,
    ` viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">\n`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>\n`,
  ];
  const lines = [
    ...axes(plot, scale),
    ...plot.series.flatMap((series, index) => drawn(series, index, scale)),
  ];
  return `${parts.join('')}${lines.join('\n')}\n</svg>\n`;
}
