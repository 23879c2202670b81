import { isMet, judged, quantile, type Measure } from './outcome.js';

/** The measured values beside the target: `p50 212 ms, max 240 ms of 10 (target: max at most 5,000 ms)`. */
export function valueOf(measure: Measure): string {
  const { samples, target, by = 'max', atLeast = false, unit = 'ms' } = measure;
  if (samples.length === 0) return 'was not measured: there is no sample';
  const shown = [0.5, 0.99, 1].map((share) => number(quantile(samples, share)));
  const values =
    samples.length === 1 ? `${shown[2]} ${unit}` : `p50 ${shown[0]}, p99 ${shown[1]}, max ${shown[2]} ${unit} of ${samples.length}`;
  if (target === undefined) return values;
  return `${values} (target: ${samples.length === 1 ? '' : `${by} `}${atLeast ? 'at least' : 'at most'} ${number(target)} ${unit}${isMet(measure) ? '' : `; ${number(judged(measure))} ${unit} misses it`})`;
}

export function printTable(measures: readonly Measure[]): void {
  const rows = measures.map((measure) => {
    const { name, samples, target, by = 'max', unit = 'ms', atLeast = false } = measure;
    return [
      name,
      target === undefined ? '' : `${by} ${atLeast ? '≥' : '≤'} ${number(target)} ${unit}`,
      ...[0.5, 0.99, 1].map((share) => (samples.length === 0 ? '-' : number(quantile(samples, share)))),
      String(samples.length),
      target === undefined ? '' : isMet(measure) ? 'ok' : 'MISSED',
    ];
  });
  const table = [['measure', 'target', 'p50', 'p99', 'max', 'n', ''], ...rows];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  for (const row of table)
    console.log(
      row
        .map((text, i) => (i < 2 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    );
}

const number = (value: number) =>
  Math.abs(value) < 10 && !Number.isInteger(value) ? value.toFixed(2) : Math.round(value).toLocaleString('en');
