import { parseDuration, type Duration } from '../core/duration.js';
import { FOR_EVER, type Retention } from '../core/plan.js';
import type { RetryPolicy } from '../core/retry.js';
import { fieldsOf, shown } from './written.js';

/** How often and how soon a command is tried again. */
export interface RetryOptions {
  /** Counts the first try. Default 5, for compensations and retriable steps 20. */
  readonly attempts?: number;
  readonly backoff?: {
    /** The wait after the first try. Default 200 ms, for compensations and retriable steps 500 ms. */
    readonly initial?: Duration;
    /** Each wait is so many times the one before. Default 2. */
    readonly factor?: number;
    /** No wait is longer. Default 30 s, for compensations and retriable steps 5 min. */
    readonly max?: Duration;
  };
}

/** By how a saga ended; what is left out is kept for ever. */
export interface RetentionOptions {
  readonly completed?: Duration;
  readonly compensated?: Duration;
}

type Backoff = NonNullable<RetryOptions['backoff']>;

/** What was written, over the defaults; `faults` gets what is wrong with it. */
export function retryOf(written: RetryOptions | undefined, defaults: RetryPolicy, faults: string[]): RetryPolicy {
  if (written === undefined) return defaults;
  const { attempts = defaults.attempts, backoff = {}, ...unknown }: RetryOptions = fieldsOf(written, `'retry'`, faults);
  const { initial, factor = defaults.factor, max, ...unknownToo }: Backoff = fieldsOf(backoff, `'retry.backoff'`, faults);
  for (const name of Object.keys(unknown)) faults.push(`'retry' has no option '${shown(name)}'`);
  for (const name of Object.keys(unknownToo)) faults.push(`'retry.backoff' has no option '${shown(name)}'`);
  if (!Number.isInteger(attempts) || attempts < 1) faults.push(`'retry.attempts' is ${shown(attempts)}; it must be a whole number from 1`);
  if (!Number.isFinite(factor) || factor < 1) faults.push(`'retry.backoff.factor' is ${shown(factor)}; it must be a number from 1`);
  const initialMs = durationOf(initial, defaults.initialMs, 'retry.backoff.initial', faults);
  // A first wait above the default ceiling means that wait, not the ceiling.
  const maxMs = durationOf(max, Math.max(defaults.maxMs, initialMs), 'retry.backoff.max', faults);
  if (initialMs > maxMs) faults.push(`'retry.backoff.max' is shorter than 'retry.backoff.initial'`);
  return { attempts, initialMs, factor, maxMs };
}

/** Milliseconds of a written duration above zero, or the default where nothing is written or it is wrong. */
export function durationOf(written: Duration | undefined, otherwise: number, what: string, faults: string[]): number {
  if (written === undefined) return otherwise;
  const ms = typeof written === 'string' ? parseDuration(written) : undefined;
  if (ms !== undefined && ms > 0) return ms;
  faults.push(`'${what}' is '${shown(written)}'; it must be a duration above zero such as '200ms', '30s', '10m', '24h', '7d'`);
  return otherwise;
}

/** What was written; `faults` gets what is wrong with it. */
export function retentionOf(written: RetentionOptions | undefined, faults: string[]): Retention {
  if (written === undefined) return FOR_EVER;
  const { completed, compensated, ...unknown }: RetentionOptions = fieldsOf(written, `'retention'`, faults);
  for (const name of Object.keys(unknown)) faults.push(`'retention' has no option '${shown(name)}'; it has 'completed' and 'compensated'`);
  return Object.freeze({
    completedMs: keptMs(completed, 'retention.completed', faults),
    compensatedMs: keptMs(compensated, 'retention.compensated', faults),
  });
}

/** Whoever goes on in the feed of events within this must find the histories that it tells of. */
export const LEAST_RETENTION_MS = 604_800_000;
/** A hundred years; what is longer is a slip. */
const MOST_RETENTION_MS = 3_153_600_000_000;

function keptMs(written: Duration | undefined, what: string, faults: string[]): number | null {
  if (written === undefined) return null;
  const ms = durationOf(written, LEAST_RETENTION_MS, what, faults);
  if (ms < LEAST_RETENTION_MS)
    faults.push(`'${what}' is '${shown(written)}'; it must be at least '7d': events can be followed up for that long`);
  if (ms > MOST_RETENTION_MS) faults.push(`'${what}' is '${shown(written)}'; leave it out to keep sagas for ever`);
  return ms;
}

/** The longest that a command can take with its retries, when every attempt times out and every wait is full. */
export function longestMs({ timeoutMs, retry }: { readonly timeoutMs: number; readonly retry: RetryPolicy }): number {
  let total = retry.attempts * timeoutMs;
  let wait = retry.initialMs;
  let left = retry.attempts - 1;
  for (; left > 0 && wait < retry.maxMs && retry.factor > 1; left--, wait *= retry.factor) total += wait;
  return total + left * Math.min(wait, retry.maxMs);
}
