import type { SagaState } from '../core/state.js';
import type { ActivityMinute, Spreads } from '../ports/activity-log.js';
import type { EngineObserver } from './observer.js';

/** How far back activity is kept, in minutes. */
export const ACTIVITY_MINUTES = 60;

export type Ending = NonNullable<SagaState['end']>;
/** What happened within one minute. */
export interface Minute {
  /** When it began. */
  readonly at: number;
  readonly started: number;
  readonly completed: number;
  readonly compensated: number;
}
/** How long sagas took that ended one way, in milliseconds; read from classes that are 9 % wide, so each is right within 5 %. */
export interface Durations {
  readonly name: string;
  readonly outcome: Ending;
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}
export interface ActivityReading {
  /** Everything since then is counted. */
  readonly since: number;
  /** Oldest first, without a gap; the last one is not over. */
  readonly minutes: readonly Minute[];
  /** By name, of everything that ended since. */
  readonly durations: readonly Durations[];
}

const MINUTE_MS = 60_000;
const CLASSES_PER_DOUBLING = 8;
/** The last class begins at about 49 days. */
const CLASSES = 32 * CLASSES_PER_DOUBLING + 1;

interface Slot {
  readonly minute: number;
  started: number;
  completed: number;
  compensated: number;
  /** How many took how long, by outcome and name. */
  readonly spreads: Readonly<Record<Ending, Map<string, Uint32Array>>>;
}

/**
 * What this engine started and ended in the last hour, minute by minute.
 * Owns: counts. Does not own: a clock; instants are those of the sagas, which the database gave.
 * Invariant: at most {@link ACTIVITY_MINUTES} minutes are kept, however much happens; what is told of an older one is left out.
 */
export class Activity implements EngineObserver {
  private readonly slots: (Slot | undefined)[] = Array.from({ length: ACTIVITY_MINUTES });
  /** Instants of minutes of which more is known than was taken. */
  private readonly changed = new Set<number>();

  /** `since`: when the engine began. */
  constructor(private readonly since: number) {}

  sagaStarted({ startedAt }: SagaState): void {
    const slot = this.slot(startedAt);
    if (slot) slot.started += 1;
  }

  sagaEnded({ name, end, startedAt, endedAt }: SagaState): void {
    if (!end || endedAt === null) return;
    const slot = this.slot(endedAt);
    if (!slot) return;
    slot[end] += 1;
    let spread = slot.spreads[end].get(name);
    if (!spread) slot.spreads[end].set(name, (spread = new Uint32Array(CLASSES)));
    spread[classOf(endedAt - startedAt)]! += 1;
  }

  /** As of `now`, an instant of the same clock; with what `others` did, all that an installation did, whenever this engine began. */
  read(now: number, others?: readonly ActivityMinute[]): ActivityReading {
    const last = minuteOf(now);
    const oldest = last - ACTIVITY_MINUTES + 1;
    const since = others ? oldest * MINUTE_MS : Math.max(this.since, oldest * MINUTE_MS);
    const first = Math.min(last, minuteOf(since));
    const minutes = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const all = [...this.kept(), ...(others ?? [])].filter(({ at }) => minuteOf(at) >= first && minuteOf(at) <= last);
    return { since, minutes: minutes.map((minute) => sumOf(minute * MINUTE_MS, all)), durations: durationsOf(all) };
  }

  /** The minutes that have changed since the last call. */
  takeChanged(): readonly ActivityMinute[] {
    const changed = this.kept((at) => this.changed.has(at));
    this.changed.clear();
    return changed;
  }
  /** They could not be kept: the next call has them again. */
  giveBack(minutes: readonly ActivityMinute[]): void {
    for (const { at } of minutes) this.changed.add(at);
  }

  private kept(isWanted: (at: number) => boolean = () => true): readonly ActivityMinute[] {
    return this.slots.flatMap((slot) => {
      if (!slot || !isWanted(slot.minute * MINUTE_MS)) return [];
      const { minute, started, completed, compensated, spreads } = slot;
      const took = { completed: sparse(spreads.completed), compensated: sparse(spreads.compensated) };
      return [{ at: minute * MINUTE_MS, started, completed, compensated, took }];
    });
  }

  /** `undefined`: too long ago. */
  private slot(at: number): Slot | undefined {
    const minute = minuteOf(at);
    const index = minute % ACTIVITY_MINUTES;
    const there = this.slots[index];
    if (!there || there.minute <= minute) this.changed.add(minute * MINUTE_MS);
    if (there?.minute === minute) return there;
    if (there && there.minute > minute) return undefined;
    const slot = { minute, started: 0, completed: 0, compensated: 0, spreads: { completed: new Map(), compensated: new Map() } };
    this.slots[index] = slot;
    return slot;
  }
}

function classOf(ms: number): number {
  return Math.min(CLASSES - 1, Math.floor(Math.log2(Math.max(1, ms)) * CLASSES_PER_DOUBLING));
}
/** The geometric middle of a class. */
function middleOf(index: number): number {
  return Math.round(2 ** ((index + 0.5) / CLASSES_PER_DOUBLING));
}

function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS);
}
function sparse(spreads: ReadonlyMap<string, Uint32Array>): Spreads {
  const pairs = (spread: Uint32Array) => [...spread.entries()].filter(([, count]) => count > 0);
  return Object.fromEntries([...spreads].map(([name, spread]) => [name, pairs(spread)]));
}
function sumOf(at: number, all: readonly ActivityMinute[]): Minute {
  const same = all.filter((minute) => minute.at === at);
  const sum = (of: 'started' | Ending) => same.reduce((whole, minute) => whole + minute[of], 0);
  return { at, started: sum('started'), completed: sum('completed'), compensated: sum('compensated') };
}

function durationsOf(minutes: readonly ActivityMinute[]): Durations[] {
  const names = [...new Set(minutes.flatMap(({ took }) => [...Object.keys(took.completed), ...Object.keys(took.compensated)]))].toSorted();
  return names.flatMap((name) =>
    (['completed', 'compensated'] as const).flatMap((outcome) => {
      const pairs = minutes.flatMap(({ took }) => took[outcome][name] ?? []);
      if (pairs.length === 0) return [];
      const sum = Array.from({ length: CLASSES }, () => 0);
      for (const [index, count] of pairs) sum[Math.min(index, CLASSES - 1)]! += count;
      const count = sum.reduce((all, one) => all + one, 0);
      const at = (share: number) => middleOf(quantile(sum, count * share));
      return [{ name, outcome, count, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }];
    }),
  );
}

/** The first class with which at least `wanted` are counted. */
function quantile(counts: readonly number[], wanted: number): number {
  let seen = 0;
  return counts.findIndex((count) => (seen += count) >= wanted && seen > 0);
}
