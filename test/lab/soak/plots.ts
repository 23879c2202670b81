import { join } from 'node:path';
import { linePlot, writePlot, type Series } from '../kit/plot.js';
import { ratesOf, type Points } from './trend.js';
import type { Measures, Span } from './verdict.js';

/** Writes `soak-*.svg` into the folder: one plot for each kind of measure, the analyst's time shaded. */
export function plotAll(measures: Measures, { folder, analyst }: { readonly folder: string; readonly analyst: Span }): void {
  const first = Math.min(...[...measures.values()].map((points) => points[0]?.[0] ?? Infinity));
  const inMinutes = (points: Points): [number, number][] => points.map(([at, value]) => [(at - first) / 60_000, value]);
  const bands = [{ from: (analyst.from - first) / 60_000, to: (analyst.to - first) / 60_000, label: 'an analyst holds a snapshot open' }];
  const server = (measure: string, name = measure): Series => ({ name, points: inMinutes(measures.get(`servers ${measure}`) ?? []) });
  const each = (measure: string): Series[] =>
    [...measures]
      .filter(([name]) => name.endsWith(` ${measure}`))
      .map(([name, points]) => ({ name: name.split(' ')[0]!, points: inMinutes(points) }));
  const plot = (file: string, title: string, y: string, series: readonly Series[]) =>
    writePlot(join(folder, `soak-${file}.svg`), linePlot(series, { title, x: 'minutes', y, bands }));
  plot('rate', 'Sagas that end', 'per second', [{ name: 'sagas', points: inMinutes(ratesOf(measures.get('servers sagasEnded') ?? [])) }]);
  plot('latency', 'From start to end', 'ms', [server('p50Ms', 'p50'), server('p99Ms', 'p99')]);
  plot('memory', 'Resident memory', 'MiB', each('rssMiB'));
  plot('files', 'Open files', 'descriptors', each('fds'));
  plot('connections', 'Connections', 'open', [
    server('postgresConnections', 'PostgreSQL'),
    server('amqpConnections', 'AMQP'),
    server('amqpChannels', 'AMQP channels'),
  ]);
  plot('rows', 'Rows of the engine', 'rows', [server('deadRows', 'dead'), server('liveRows', 'sagas under way')]);
  plot('size', 'Size of the tables', 'MiB', [server('tablesMiB', 'tables and indexes')]);
  plot('queues', 'Messages that wait', 'messages', [server('queued', 'in all queues')]);
  plot('timers', 'The oldest timer that is due', 'ms', [server('oldestTimerMs', 'lateness')]);
}
