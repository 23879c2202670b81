import type { Retention } from '../core/plan.js';
import type { DefinitionRef } from '../ports/definition-ref.js';
import type { Week } from './partitions.js';

/** How long the finished sagas of a definition are kept. */
export interface Kept extends DefinitionRef {
  readonly retention: Retention;
}
/** What a week's partitions hold. */
export interface Held {
  readonly week: Week;
  /** A saga of the week is open, or not among the finished ones yet. */
  readonly isOpen: boolean;
  /** Definitions with finished sagas of the week. */
  readonly kept: readonly Kept[];
}
/** Sagas of one definition that ended in one way. */
export interface Kind extends DefinitionRef {
  readonly status: 'completed' | 'compensated';
  readonly keptMs: number;
}

/** How much longer sagas wait to leave with all others of their week, which is far cheaper than one by one. */
export const PATIENCE_MS = 7 * 86_400_000;

/** Whether the partitions of a week may be dropped, as far as can be told without looking at each saga. */
export function mayLeaveWhole({ week, isOpen, kept }: Held, now: number): boolean {
  const longest = longestMs(kept);
  return longest !== null && !isOpen && week.endsAt + Math.max(longest, PATIENCE_MS) <= now;
}

/**
 * The kinds of a week's sagas that leave one by one once they are over: those that others in it outlive, and all that have waited long enough for
 * the whole week to leave.
 */
export function leaveOneByOne({ week, isOpen, kept }: Held, now: number): readonly Kind[] {
  const longest = isOpen ? null : longestMs(kept);
  const isLate = longest !== null && week.endsAt + longest + PATIENCE_MS <= now;
  return kept.flatMap(kindsOf).filter(({ keptMs }) => week.at + keptMs <= now && (longest === null || keptMs < longest || isLate));
}

/** Those that leave at all. */
export function kindsOf({ name, version, retention: { completedMs, compensatedMs } }: Kept): readonly Kind[] {
  return [
    ...(completedMs === null ? [] : [{ name, version, status: 'completed' as const, keptMs: completedMs }]),
    ...(compensatedMs === null ? [] : [{ name, version, status: 'compensated' as const, keptMs: compensatedMs }]),
  ];
}

/** `null`: some are kept for ever. */
function longestMs(kept: readonly Kept[]): number | null {
  const all = kept.flatMap(({ retention }) => [retention.completedMs, retention.compensatedMs]);
  return all.includes(null) ? null : Math.max(0, ...all.map((ms) => ms ?? 0));
}
