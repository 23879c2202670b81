import { median, round } from '../kit/statistics.js';
import { most, part, ratesOf, steadySlope, type Points } from './trend.js';

export interface Demand {
  readonly what: string;
  readonly holds: boolean;
  readonly said: string;
}
/** `<process> <measure>` → points in milliseconds since 1970. */
export type Measures = ReadonlyMap<string, Points>;

export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * MiB in ten minutes that a process may grow by after the first third: 1 from 20 minutes on, 6 from 10 on. A shorter run sees little but
 * the warm-up of the machine that runs JavaScript, so it may grow by 64 MiB in all.
 */
export function allowedMiB(minutes: number): number {
  if (minutes >= 20) return 1;
  return minutes >= 10 ? 6 : (64 / ((minutes * 2) / 3)) * 10;
}
/** Rows that may be dead after the recovery, whatever autovacuum's scale factors leave. */
const FEW_DEAD = 10_000;

/** What the soak demands; `analyst` is the time of the open transaction. */
export function demands(measures: Measures, { minutes, analyst }: { readonly minutes: number; readonly analyst: Span }): readonly Demand[] {
  const of = (name: string) => measures.get(`servers ${name}`) ?? [];
  return [
    ...memory(measures, minutes),
    ...flat(measures),
    ...deadRows(of('deadRows'), of('changedRows'), analyst),
    throughput(of('sagasEnded')),
  ];
}

function memory(measures: Measures, minutes: number): Demand[] {
  const limit = allowedMiB(minutes);
  return [...measures]
    .filter(([name]) => name.endsWith(' rssMiB'))
    .map(([name, points]) => {
      const slope = steadySlope(part(points, 1 / 3, 1)) * 600_000;
      return {
        what: `memory of ${name.split(' ')[0]}`,
        holds: slope <= limit,
        said: `${round(slope, 2)} MiB in 10 min (allowed: ${round(limit, 1)})`,
      };
    });
}

/**
 * What may be more in the last third than in the middle one: pools breathe, but do not grow. The load's own connections, up to 24, are
 * kept alive at whichever daemon.
 */
const SLACK: Readonly<Record<string, number>> = { fds: 24, postgresConnections: 6, amqpConnections: 0, amqpChannels: 0 };

function flat(measures: Measures): Demand[] {
  return [...measures].flatMap(([name, points]) => {
    const slack = SLACK[name.split(' ')[1]!];
    if (slack === undefined || points.length < 6) return [];
    const [before, after] = [most(part(points, 1 / 3, 2 / 3)), most(part(points, 2 / 3, 1))];
    return [
      { what: name, holds: before > 0 && after <= before + slack, said: `${before} at most in the middle, ${after} in the last third` },
    ];
  });
}

/**
 * While a snapshot is held open nothing dead can be removed: their number is bounded by what is changed meanwhile, which is bounded by the
 * load. When it ends, autovacuum brings it back.
 */
function deadRows(dead: Points, changed: Points, analyst: Span): Demand[] {
  const before = most(dead.filter(([at]) => at < analyst.from));
  const during = dead.filter(([at]) => at >= analyst.from && at <= analyst.to);
  const after = dead.filter(([at]) => at > analyst.to);
  const changedIn = (points: Points) => (points.length < 2 ? 0 : points.at(-1)![1] - points[0]![1]);
  const bound = before + changedIn(changed.filter(([at]) => at >= analyst.from - 5_000 && at <= analyst.to)) * 1.1 + FEW_DEAD;
  const peak = most(during);
  const last = after.at(-1)?.[1] ?? Number.NaN;
  const allowed = Math.max(before * 2, peak * 0.5, FEW_DEAD);
  return [
    {
      what: 'dead rows while the transaction is open',
      holds: during.length > 2 && peak <= bound,
      said: `${before} before, ${peak} at most; at most what was changed meanwhile: ${Math.round(bound)}`,
    },
    { what: 'dead rows when it has ended', holds: last <= allowed, said: `${last} at the end (allowed: ${Math.round(allowed)})` },
  ];
}

function throughput(ended: Points): Demand {
  const rates = ratesOf(ended);
  const [first, last] = [rateOf(part(rates, 0.1, 0.35)), rateOf(part(rates, 0.75, 1))];
  return {
    what: 'throughput at the end',
    holds: first > 0 && last >= 0.9 * first,
    said: `${round(last, 1)}/s, at the beginning ${round(first, 1)}/s`,
  };
}

function rateOf(points: Points): number {
  return median(points.map(([, rate]) => rate));
}
