// V12, V13, V20 to V23: what is left behind, how it feels after the faults, what the processes say and use, and whether anything happened.
import { Findings } from './findings.js';
import { slope } from '../kit/statistics.js';
import type { Index } from './run.js';

/** V12: nothing is left that waits for something. */
export function nothingWaits(index: Index): Findings {
  const found = new Findings('V12', 'nothing is left waiting: no parked event, no orphan timer, no old transaction, no claimed inbox row');
  const { store, inbox } = index.run;
  if (store) {
    found.checked++;
    for (const id of store.parked) found.violate(`saga ${id} has an event that was put aside`);
    for (const id of store.orphanTimers) found.violate(`saga ${id} has ended and still has a timer`);
    for (const text of store.oldTransactions) found.violate(`a transaction is open for more than a minute: ${text}`);
  }
  for (const { state, commandId, participant } of inbox)
    found.look(state === 'claimed' && `${participant} has claimed ${commandId} and committed that, without an outcome`);
  return found;
}

/** V13: the broker is empty; dead letters are exactly the rubbish that was injected. */
export function queuesAreEmpty(index: Index): Findings {
  const found = new Findings('V13', 'queues are empty, dead letters are exactly what was injected');
  const { manifest, queues, store } = index.run;
  const { perhapsQueues = [] } = manifest;
  const there = perhapsQueues.filter((queue) => queues.some((each) => each.queue === queue));
  for (const queue of [...manifest.queues, ...there]) {
    const count = queues.find((each) => each.queue === queue);
    found.look(count === undefined && `${queue} is not there`);
    if (count && count.ready > 0) found.violate(`${queue} has ${count.ready} messages`);
    if (count?.unacked) found.violate(`${queue} has ${count.unacked} messages that are not acknowledged`);
  }
  const waiting = queues.find(({ queue }) => queue === manifest.deadLetterQueue)?.ready ?? 0;
  if (store) {
    const letters = store.deadLetters + waiting;
    found.look(letters !== manifest.injectedRubbish && `there are ${letters} dead letters, injected were ${manifest.injectedRubbish}`);
  }
  return manifest.queues.length > 0 ? found.notVacuous('queue') : found;
}

/** V20: after the faults every daemon takes starts and ends them soon. */
export function tailIsQuick(index: Index, withinMs = 5_000): Findings {
  const found = new Findings('V20', `after the faults every daemon's last starts end within ${withinMs / 1_000} s`);
  for (const { daemon, key, id, ms, error } of index.run.tail) {
    const late = ms === undefined ? `did not end${error === undefined ? '' : `: ${error}`}` : `took ${ms} ms`;
    found.look((ms === undefined || ms > withinMs) && `${id ?? key} at ${daemon} ${late}`);
  }
  return found;
}

export interface ResourceLimits {
  /** MiB in ten minutes that a process may grow after the first fifth of the run. Default 1. */
  readonly rssMiBPer10Min?: number;
  /** Of every other measure in ten minutes, as a part of its mean. Default 0.05. */
  readonly otherPer10Min?: number;
}
/** A slope over less than this says nothing. */
const LEAST_MS = 240_000;

/** V21: what is used does not grow. */
export function usageIsFlat(index: Index, { rssMiBPer10Min = 1, otherPer10Min = 0.05 }: ResourceLimits = {}): Findings {
  const found = new Findings('V21', 'memory, open files, connections and dead rows do not grow');
  const series = new Map<string, [at: number, value: number][]>();
  for (const { at, process, run, ...measures } of index.run.resources)
    for (const [measure, value] of Object.entries(measures)) {
      if (typeof value !== 'number') continue;
      const name = `${process}${run === undefined ? '' : `.${run}`} ${measure}`;
      series.set(name, [...(series.get(name) ?? []), [at, value]]);
    }
  for (const [name, points] of series) {
    const first = points[0]![0];
    const last = points.at(-1)![0];
    if (last - first < LEAST_MS) continue;
    const warm = points.filter(([at]) => at >= first + (last - first) / 5);
    const rise = slope(warm) * 600_000;
    const mean = warm.reduce((sum, [, value]) => sum + value, 0) / warm.length;
    const limit = name.endsWith('rssMiB') ? rssMiBPer10Min : Math.max(1, otherPer10Min * mean);
    found.look(
      rise > limit && `${name} rises by ${rise.toFixed(2)} in ten minutes (mean ${mean.toFixed(1)}); the limit is ${limit.toFixed(2)}`,
    );
  }
  return found;
}

/** Faults are noticed late: heartbeats, time limits, backoffs. */
const LOG_GRACE_MS = 30_000;
const UNHANDLED = /unhandled|uncaught|FATAL ERROR|triggerUncaughtException/i;

/** V22: no error is logged that no fault explains; nothing is ever unhandled. */
export function logsAreClean(index: Index, allowed: readonly RegExp[] = []): Findings {
  const found = new Findings('V22', 'no error-level log line outside of a fault, no unhandled rejection ever');
  for (const { where, at, level, text } of index.run.logs) {
    const isError = level === 'error' || level === 'fatal';
    const isUnhandled = UNHANDLED.test(text) && (at === undefined || isError);
    if (isUnhandled) {
      found.look(`${where}: ${text.slice(0, 300)}`);
      continue;
    }
    const isExplained =
      !isError || (at !== undefined && index.isInFault(at, LOG_GRACE_MS)) || allowed.some((pattern) => pattern.test(text));
    found.look(!isExplained && `${where}: ${text.slice(0, 300)}`);
  }
  return found;
}

/** V23: how often what had to happen did happen; each wanted counter above zero. */
export function counted(index: Index): { readonly findings: Findings; readonly counters: Readonly<Record<string, number>> } {
  const counters: Record<string, number> = {};
  const add = (name: string, by = 1) => (counters[name] = (counters[name] ?? 0) + by);
  for (const { history } of index.run.details.values())
    for (const { event, count = 1, effects, outcome } of history) {
      if (event !== 'started') add(`history ${event}`, count);
      if (event === 'replied' && outcome === 'error') add('error replies');
      for (const effect of effects) {
        if (effect.do === 'sent' && effect.phase === 'fence') add('fences');
        if (effect.do === 'sent' && (effect.attempt ?? 1) > 1) add('further attempts');
        if (['turned-back', 'turned-forward', 'unknown', 'stuck', 'attention', 'dropped'].includes(effect.do)) add(`effect ${effect.do}`);
      }
    }
  const acted = new Set(
    index.run.inbox.filter((row) => row.direction === 'action' && row.state !== 'tombstone').map(({ actionId }) => actionId),
  );
  for (const { state, direction, actionId } of index.run.inbox) {
    if (state === 'tombstone') add('tombstones');
    if (direction === 'action' && state === 'rejected') add('stored refusals');
    if (direction === 'compensation' && !acted.has(actionId)) add('empty compensations');
  }
  for (const { attempt } of index.run.ledger) if (attempt > 1) add('effects of further attempts');
  for (const { unknown, ids, created } of index.asked.values()) {
    if (unknown > 0) add('unknown starts', unknown);
    // The answer was lost, and the saga was there.
    if (ids.length > 0 && created === 0) add('unknown starts that had happened');
    if (unknown > 0 && created > 0) add('unknown starts that had not happened');
  }
  for (const { what, kind } of index.run.nemesis) if (what === 'begin') add(`fault ${kind}`);
  for (const { level, text } of index.run.logs) {
    if (level === 'warn' || level === 'error') add(`log ${level}`);
    if (/Connected to RabbitMQ/.test(text)) add('broker connections');
    if (/returned|unroutable/i.test(text)) add('returned messages');
    if (/nack/i.test(text)) add('publisher nacks');
  }
  if (index.run.store && index.run.store.deadLetters > 0) add('dead letters', index.run.store.deadLetters);
  const findings = new Findings('V23', 'what had to happen did happen');
  for (const wanted of index.run.manifest.wanted)
    findings.look((counters[wanted] ?? 0) === 0 && `'${wanted}' never happened; what did: ${Object.keys(counters).sort().join(', ')}`);
  return { findings, counters };
}
