import type { HistoryEntryView, SagaView } from '../api/views.js';

/** What a step's row of the timeline shows over a stretch of time. */
export type BarKind = 'waiting' | 'running' | 'retrying' | 'confirming' | 'compensating' | 'stuck';
export interface Bar {
  readonly kind: BarKind;
  readonly from: number;
  readonly to: number;
  /** It goes on. */
  readonly isOpen: boolean;
  /** Which try it was, where there was more than one. */
  readonly attempt: number | undefined;
}
/** A step, or what undoes it. */
export interface Row {
  readonly step: string;
  readonly phase: 'action' | 'compensation';
  readonly bars: readonly Bar[];
  /** How it came out, and when. */
  readonly end: { readonly what: string; readonly at: number } | undefined;
}
export interface Timeline {
  readonly from: number;
  /** Where the picture ends: now or its end; or sooner, so that a long wait at the end does not squeeze what happened before. */
  readonly to: number;
  /** It ends sooner. */
  readonly isCut: boolean;
  readonly rows: readonly Row[];
  /** When an operator held it. */
  readonly pauses: readonly { readonly from: number; readonly to: number }[];
  /** When it turned back. */
  readonly turnedAt: number | undefined;
}

type Phase = Row['phase'];
interface Draft {
  readonly step: string;
  readonly phase: Phase;
  readonly bars: Bar[];
  open: { readonly kind: BarKind; readonly from: number; readonly attempt: number | undefined } | undefined;
  end: Row['end'];
}

const ENDINGS: readonly unknown[] = ['succeeded', 'rejected', 'unknown', 'undone', 'passed', 'skipped', 'dropped'];
/** A bar of a saga that has only begun is to be seen all the same. */
const SHORTEST_MS = 1;

/** What a saga did when, from its history: each step waits, runs, retries, is confirmed; and is undone in a row of its own. */
export function timelineOf(saga: SagaView, history: readonly HistoryEntryView[], now: number): Timeline {
  const from = Date.parse(saga.startedAt);
  const last = history.at(-1);
  const to = Math.max(from + SHORTEST_MS, saga.endedAt === null ? now : Date.parse(saga.endedAt), last ? Date.parse(last.at) : 0);
  const drafts = new Map<string, Draft>();
  const draft = (step: string, phase: Phase): Draft => {
    const key = `${phase} ${step}`;
    let found = drafts.get(key);
    if (!found) drafts.set(key, (found = { step, phase, bars: [], open: undefined, end: undefined }));
    return found;
  };
  let turnedAt: number | undefined;
  const pauses: { from: number; to: number }[] = [];
  let pausedAt: number | undefined;

  for (const entry of history) {
    const at = Date.parse(entry.at);
    if (entry.event === 'suspended') pausedAt ??= at;
    if (entry.event === 'resumed' && pausedAt !== undefined) {
      pauses.push({ from: pausedAt, to: at });
      pausedAt = undefined;
    }
    for (const effect of entry.effects) {
      if (effect['do'] === 'turned-back') turnedAt ??= at;
      const step = effect['step'];
      if (typeof step === 'string') apply(draft(step, phaseOf(effect)), effect, at);
    }
  }
  if (pausedAt !== undefined) pauses.push({ from: pausedAt, to });
  const rows = saga.steps.flatMap(({ name }) =>
    (['action', 'compensation'] as const).flatMap((phase) => {
      const found = drafts.get(`${phase} ${name}`);
      if (!found) return phase === 'action' ? [{ step: name, phase, bars: [], end: undefined }] : [];
      return [rowOf(found, from, to)];
    }),
  );
  const shown = shownTo(from, last ? Date.parse(last.at) : to, to);
  return { from, to: shown, isCut: shown < to, rows, pauses, turnedAt };
}

/** A wait at the end that is longer than everything before takes a quarter of the picture. */
function shownTo(from: number, lastAt: number, to: number): number {
  const busy = Math.max(SHORTEST_MS, lastAt - from);
  return to - lastAt > busy ? Math.min(to, lastAt + Math.max(busy / 3, LEAST_SHOWN_MS)) : to;
}
/** Shorter waits are not worth cutting. */
const LEAST_SHOWN_MS = 1_000;

type Effect = HistoryEntryView['effects'][number];

function phaseOf(effect: Effect): Phase {
  return effect['phase'] === 'compensation' || effect['do'] === 'undone' ? 'compensation' : 'action';
}

function apply(draft: Draft, effect: Effect, at: number): void {
  const what = effect['do'];
  if (what === 'sent') {
    const attempt = Number(effect['attempt']);
    const tried = attempt > 1 ? attempt : undefined;
    open(draft, draft.phase === 'compensation' ? 'compensating' : effect['phase'] === 'fence' ? 'confirming' : 'running', at, tried);
  } else if (what === 'will-retry') open(draft, 'retrying', at, undefined);
  else if (what === 'stuck') open(draft, 'stuck', at, undefined);
  else if (ENDINGS.includes(what)) {
    close(draft, at);
    draft.end = { what: String(what), at };
  }
}

function open(draft: Draft, kind: BarKind, at: number, attempt: number | undefined): void {
  close(draft, at);
  draft.end = undefined;
  draft.open = { kind, from: at, attempt };
}

function close(draft: Draft, at: number): void {
  if (draft.open) draft.bars.push({ ...draft.open, to: at, isOpen: false });
  draft.open = undefined;
}

function rowOf(draft: Draft, from: number, to: number): Row {
  const { step, phase, end, open: running } = draft;
  const bars = running ? [...draft.bars, { ...running, to, isOpen: true }] : draft.bars;
  const first = bars[0];
  const waited = phase === 'action' && first !== undefined && first.from > from;
  const waiting: Bar = { kind: 'waiting', from, to: first?.from ?? from, isOpen: false, attempt: undefined };
  return { step, phase, bars: waited ? [waiting, ...bars] : bars, end };
}

const TICKS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 216e5, 432e5, 864e5,
];

/** Round distances from the beginning, at most `most` of them. */
export function ticksOf(lengthMs: number, most: number): readonly number[] {
  const days = Math.ceil(lengthMs / most / 864e5) * 864e5;
  const step = TICKS_MS.find((one) => lengthMs / one <= most) ?? days;
  return Array.from({ length: Math.floor(lengthMs / step) + 1 }, (_, index) => index * step);
}
