import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { histogram } from './statistics.js';

/** A plot as text (SVG), light, readable in a page of documentation on a bright or a dark background. */
export interface PlotOptions {
  readonly title: string;
  /** With its unit: `seconds since the start`. */
  readonly x: string;
  readonly y: string;
  /** Default 720 by 300. */
  readonly width?: number;
  readonly height?: number;
  /** The lowest value shown; default 0 or the least there is. */
  readonly yFrom?: number;
}
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}
/** Spans of x that are shaded, e.g. faults. */
export interface Band {
  readonly from: number;
  readonly to: number;
  readonly label?: string;
}

const COLOURS = ['#2563a8', '#c4551d', '#2f8f4e', '#8a4fb0', '#9a7b14', '#b03060'];
const INK = '#3b4048';
const GRID = '#dfe3e8';
const MARGIN = { left: 64, right: 16, top: 34, bottom: 46 };

/** Lines over x; a legend where there are several. */
export function linePlot(series: readonly Series[], options: PlotOptions & { readonly bands?: readonly Band[] }): string {
  const points = series.flatMap((each) => each.points);
  const frame = frameOf(points, options);
  const bands = (options.bands ?? []).map(({ from, to, label }) => {
    const left = frame.x(Math.max(from, frame.xs[0]));
    const right = frame.x(Math.min(to, frame.xs[1]));
    const title = label === undefined ? '' : `<title>${escaped(label)}</title>`;
    return `<rect x="${n(left)}" y="${frame.top}" width="${n(Math.max(1, right - left))}" height="${frame.bottom - frame.top}" fill="#c4551d" opacity="0.12">${title}</rect>`;
  });
  const lines = series.map(({ points: own }, i) => {
    const path = own.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${n(frame.x(x))} ${n(frame.y(y))}`).join('');
    return `<path d="${path}" fill="none" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="1.6" stroke-linejoin="round"/>`;
  });
  const legend =
    series.length < 2
      ? []
      : legendOf(
          series.map(({ name }) => name),
          frame,
        );
  return svg(options, frame, [...bands, ...lines, ...legend]);
}

/** How often values lie in each of so many bins of one width; with the median and the 99th of 100 marked where `marks` says so. */
export function histogramPlot(
  values: readonly number[],
  options: PlotOptions & { readonly bins?: number; readonly marks?: readonly Mark[] },
): string {
  const bins = histogram(values, options.bins ?? 30);
  const corners = bins.flatMap(({ from, to, count }): [number, number][] => [
    [from, 0],
    [to, count],
  ]);
  const frame = frameOf(corners, { ...options, yFrom: 0 });
  const bars = bins.map(({ from, to, count }) => {
    const left = frame.x(from);
    const top = frame.y(count);
    const title = `<title>${label(from)} to ${label(to)}: ${count}</title>`;
    return `<rect x="${n(left + 0.5)}" y="${n(top)}" width="${n(Math.max(0.5, frame.x(to) - left - 1))}" height="${n(frame.bottom - top)}" fill="${COLOURS[0]}">${title}</rect>`;
  });
  const marks = (options.marks ?? []).flatMap(({ at, text }) => {
    const x = n(frame.x(Math.min(Math.max(at, frame.xs[0]), frame.xs[1])));
    return [
      `<line x1="${x}" y1="${frame.top}" x2="${x}" y2="${frame.bottom}" stroke="${COLOURS[1]}" stroke-dasharray="4 3"/>`,
      `<text x="${x}" y="${frame.top - 3}" text-anchor="middle" font-size="10" fill="${COLOURS[1]}">${escaped(text)}</text>`,
    ];
  });
  return svg(options, frame, [...bars, ...marks]);
}
export interface Mark {
  readonly at: number;
  readonly text: string;
}

/** A bar made of one part or several, one after the other. */
export interface Bar {
  readonly name: string;
  readonly parts: readonly { readonly name: string; readonly value: number }[];
  /** The least and the most that was measured, drawn over the end of the bar. */
  readonly spread?: readonly [low: number, high: number];
}

/** Lying bars, one for each name, from the top; a legend where they have several parts. `x` names what is measured, `y` is not shown. */
export function barPlot(bars: readonly Bar[], options: Omit<PlotOptions, 'y' | 'yFrom' | 'height'>): string {
  const parts = [...new Set(bars.flatMap((bar) => bar.parts.map(({ name }) => name)))];
  const sumOf = (bar: Bar) => bar.parts.reduce((sum, { value }) => sum + value, 0);
  const highest = Math.max(0, ...bars.flatMap((bar) => [sumOf(bar), bar.spread?.[1] ?? 0]));
  const { width = 720, title, x } = options;
  const left = 24 + Math.max(0, ...bars.map(({ name }) => name.length)) * 6;
  const top = MARGIN.top + (parts.length > 1 ? LEGEND_LINE : 0);
  const bottom = top + bars.length * BAR_LINE + 6;
  // Room for the figure behind the longest bar.
  const right = width - 60;
  const at = (value: number) => left + (value / (highest || 1)) * (right - left);
  const along = ticks(0, highest).flatMap((value) => [
    `<line x1="${n(at(value))}" y1="${top}" x2="${n(at(value))}" y2="${bottom}" stroke="${GRID}"/>`,
    `<text x="${n(at(value))}" y="${bottom + 14}" text-anchor="middle">${label(value)}</text>`,
  ]);
  const drawn = bars.flatMap((bar, line) => {
    const y = top + 6 + line * BAR_LINE;
    const middle = y + BAR_HEIGHT / 2;
    let from = 0;
    const pieces = bar.parts.map(({ name, value }) => {
      const start = at(from);
      from += value;
      const colour = COLOURS[parts.indexOf(name) % COLOURS.length];
      const told = `<title>${escaped(bar.name)}${parts.length > 1 ? `, ${escaped(name)}` : ''}: ${label(value)}</title>`;
      return `<rect x="${n(start)}" y="${y}" width="${n(at(from) - start)}" height="${BAR_HEIGHT}" fill="${colour}">${told}</rect>`;
    });
    const [low, high] = bar.spread ?? [from, from];
    const whisker =
      low === high
        ? []
        : [
            `<path d="M${n(at(low))} ${middle}H${n(at(high))}M${n(at(low))} ${middle - 4}v8M${n(at(high))} ${middle - 4}v8" fill="none" stroke="${INK}"/>`,
          ];
    return [
      `<text x="${left - 6}" y="${middle + 4}" text-anchor="end">${escaped(bar.name)}</text>`,
      ...pieces,
      ...whisker,
      `<text x="${n(at(Math.max(from, high)) + 5)}" y="${middle + 4}">${label(Number(from.toPrecision(3)))}</text>`,
    ];
  });
  const legend = parts.length > 1 ? legendOf(parts, { right: width - MARGIN.right }, LEGEND_LINE) : [];
  return [
    ...opening(width, bottom + 36),
    `<text x="16" y="16" font-size="13" font-weight="600">${escaped(title)}</text>`,
    ...along,
    ...drawn,
    ...legend,
    `<line x1="${left}" y1="${top}" x2="${left}" y2="${bottom}" stroke="${INK}"/>`,
    `<text x="${n((left + right) / 2)}" y="${bottom + 30}" text-anchor="middle">${escaped(x)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}
const BAR_LINE = 22;
const BAR_HEIGHT = 14;
const LEGEND_LINE = 18;

/** Writes a plot where it is committed. */
export function writePlot(path: string, plot: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, plot);
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
  readonly xs: readonly [number, number];
  readonly ys: readonly [number, number];
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}
function frameOf(points: readonly (readonly [number, number])[], { width = 720, height = 300, yFrom }: PlotOptions): Frame {
  const [xLow, xHigh] = reach(points.map(([x]) => x));
  const [yLow, yHigh] = reach(points.map(([, y]) => y));
  const xs = [xLow, xHigh] as const;
  const least = yFrom ?? Math.min(0, yLow);
  const top = ticks(least, yHigh);
  const ys = [least, Math.max(yHigh, top.at(-1)! < yHigh ? yHigh * 1.05 : top.at(-1)!)] as const;
  const inner = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
  const scale = (low: number, high: number, from: number, to: number) => (value: number) =>
    from + ((value - low) / (high - low || 1)) * (to - from);
  return {
    width,
    height,
    ...inner,
    xs,
    ys,
    x: scale(xs[0], xs[1], inner.left, inner.right),
    y: scale(ys[0], ys[1], inner.bottom, inner.top),
  };
}
function reach(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low > high ? [0, 1] : low === high ? [low, low + 1] : [low, high];
}

/** Round numbers from low to high, about six. */
function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 6 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  const first = Math.ceil(low / step - 1e-9) * step;
  return Array.from({ length: Math.floor((high - first) / step + 1e-9) + 1 }, (_, i) => first + i * step);
}

function svg({ title, x, y }: PlotOptions, frame: Frame, content: readonly string[]): string {
  const { width, height, left, right, top, bottom, xs, ys } = frame;
  const across = ticks(ys[0], ys[1]).flatMap((value) => [
    `<line x1="${left}" y1="${n(frame.y(value))}" x2="${right}" y2="${n(frame.y(value))}" stroke="${GRID}"/>`,
    `<text x="${left - 6}" y="${n(frame.y(value) + 3.5)}" text-anchor="end">${label(value)}</text>`,
  ]);
  const along = ticks(xs[0], xs[1]).flatMap((value) => [
    `<line x1="${n(frame.x(value))}" y1="${bottom}" x2="${n(frame.x(value))}" y2="${bottom + 4}" stroke="${INK}"/>`,
    `<text x="${n(frame.x(value))}" y="${bottom + 16}" text-anchor="middle">${label(value)}</text>`,
  ]);
  return [
    ...opening(width, height),
    `<text x="${left}" y="16" font-size="13" font-weight="600">${escaped(title)}</text>`,
    ...across,
    ...along,
    ...content,
    `<line x1="${left}" y1="${bottom}" x2="${right}" y2="${bottom}" stroke="${INK}"/>`,
    `<text x="${(left + right) / 2}" y="${height - 8}" text-anchor="middle">${escaped(x)}</text>`,
    `<text transform="translate(14 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function opening(width: number, height: number): string[] {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="11" fill="${INK}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
  ];
}

function legendOf(names: readonly string[], { right }: Pick<Frame, 'right'>, below = 0): string[] {
  let end = right;
  return names
    .map((name, i) => ({ name, colour: COLOURS[i % COLOURS.length]! }))
    .reverse()
    .flatMap(({ name, colour }) => {
      const width = 24 + name.length * 6;
      end -= width;
      return [
        `<line x1="${end}" y1="${12 + below}" x2="${end + 14}" y2="${12 + below}" stroke="${colour}" stroke-width="2.5"/>`,
        `<text x="${end + 18}" y="${16 + below}">${escaped(name)}</text>`,
      ];
    });
}

/** Short: 1,200 or 0.25 or 1.5M. */
function label(value: number): string {
  const size = Math.abs(value);
  if (size >= 10_000_000) return `${Number((value / 1_000_000).toPrecision(3))}M`;
  return Number(value.toPrecision(6)).toLocaleString('en', { maximumFractionDigits: size < 1 ? 3 : size < 100 ? 2 : 0 });
}
const n = (value: number): string => String(Math.round(value * 10) / 10);
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
