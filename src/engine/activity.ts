import type { SagaState } from '../core/state.js';
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

  /** As of `now`, an instant of the same clock. */
  read(now: number): ActivityReading {
    const last = Math.floor(now / MINUTE_MS);
    const oldest = last - ACTIVITY_MINUTES + 1;
    const first = Math.min(last, Math.max(oldest, Math.floor(this.since / MINUTE_MS)));
    const minutes = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const kept = minutes.map((minute) => this.slots[minute % ACTIVITY_MINUTES]).filter((slot) => slot !== undefined);
    const slots = new Map(kept.map((slot) => [slot.minute, slot]));
    return {
      since: Math.max(this.since, first * MINUTE_MS),
      minutes: minutes.map((minute) => {
        const { started = 0, completed = 0, compensated = 0 } = slots.get(minute) ?? {};
        return { at: minute * MINUTE_MS, started, completed, compensated };
      }),
      durations: durationsOf(minutes.flatMap((minute) => slots.get(minute) ?? [])),
    };
  }

  /** `undefined`: too long ago. */
  private slot(at: number): Slot | undefined {
    const minute = Math.floor(at / MINUTE_MS);
    const index = minute % ACTIVITY_MINUTES;
    const there = this.slots[index];
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

function durationsOf(slots: readonly Slot[]): Durations[] {
  const names = [...new Set(slots.flatMap(({ spreads }) => [...spreads.completed.keys(), ...spreads.compensated.keys()]))].toSorted();
  return names.flatMap((name) =>
    (['completed', 'compensated'] as const).flatMap((outcome) => {
      const spreads = slots.flatMap((slot) => slot.spreads[outcome].get(name) ?? []);
      if (spreads.length === 0) return [];
      const sum = Array.from({ length: CLASSES }, (_, index) => spreads.reduce((all, spread) => all + spread[index]!, 0));
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
