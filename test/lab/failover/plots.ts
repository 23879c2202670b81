import { join } from 'node:path';
import { histogramPlot, linePlot, writePlot } from '../kit/plot.js';
import { quantile, type Measure, type Outcome } from './outcome.js';

/** A histogram of everything that was measured more than once, and a line for every curve; gives the files' names. */
export function writePlots(folder: string, outcomes: readonly Outcome[]): readonly string[] {
  const histograms = outcomes
    .flatMap(({ measures }) => measures)
    .filter(({ samples }) => samples.length > 1)
    .map((measure) => [measure.name, histogramOf(measure)] as const);
  const curves = outcomes
    .flatMap(({ series }) => Object.entries(series ?? {}))
    .map(([name, points]) => [name, linePlot([{ name, points }], { title: name, x: 'seconds', y: name.split(',', 1)[0]! })] as const);
  return [...histograms, ...curves].map(([name, plot]) => {
    const path = join(
      folder,
      `failover-${name
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, '-')
        .replace(/-$/, '')}.svg`,
    );
    writePlot(path, plot);
    return path;
  });
}

function histogramOf({ name, samples, target, unit = 'ms' }: Measure): string {
  const marks = [
    { at: quantile(samples, 0.5), text: 'p50' },
    { at: quantile(samples, 0.99), text: 'p99' },
    ...(target === undefined || target > 2 * Math.max(...samples) ? [] : [{ at: target, text: 'target' }]),
  ];
  return histogramPlot(samples, { title: name, x: unit === 'ms' ? 'milliseconds' : unit, y: 'how often', width: 900, marks });
}
