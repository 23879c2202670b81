/** The value below which a part (0 to 1) of them lies, by nearest rank; `NaN` where there are none. */
export function percentile(values: readonly number[], part: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))]!;
}
export const median = (values: readonly number[]): number => percentile(values, 0.5);
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
/** For people: `p50 3 ms, p99 40 ms, max 52 ms of 1,200`. */
export function summary(values: readonly number[], unit = 'ms'): string {
  if (values.length === 0) return 'none';
  const show = (part: number) => `${round(percentile(values, part), 1).toLocaleString('en')} ${unit}`;
  return `p50 ${show(0.5)}, p99 ${show(0.99)}, max ${show(1)} of ${values.length.toLocaleString('en')}`;
}
export function round(value: number, digits = 0): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}
/** So many bins of one width from 0 (or the least) to the most. */
export function histogram(values: readonly number[], bins = 30): Bin[] {
  if (values.length === 0) return [];
  const least = values.reduce((low, value) => Math.min(low, value), 0);
  const most = values.reduce((high, value) => Math.max(high, value), -Infinity);
  const width = (most - least || 1) / bins;
  const counts = Array.from({ length: bins }, () => 0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor((value - least) / width))]!++;
  return counts.map((count, n) => ({ from: least + n * width, to: least + (n + 1) * width, count }));
}

/** How much y rises for 1 of x, by least squares; 0 for fewer than two points. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  if (points.length < 2) return 0;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  let above = 0;
  let below = 0;
  for (const [x, y] of points) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return below === 0 ? 0 : above / below;
}
