import { CRASH_POINTS, type CrashPoint } from '../../../src/core/crash-points.js';

/** What a process is to do with itself, and when. */
export interface Order {
  readonly what: 'kill' | 'stop';
  readonly point: CrashPoint;
  /** The point is passed so many times before, less one. */
  readonly hit: number;
  /** Of a stop: for how long. */
  readonly ms: number;
}
/** What a process writes before it is gone. */
export interface Fired {
  readonly point: CrashPoint;
  readonly hit: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export function orderText({ what, point, hit, ms }: Order): string {
  return what === 'kill' ? `kill ${point}:${hit}` : `stop ${point}:${hit}:${ms}`;
}

/** Reads `kill name:hit` or `stop name:hit:ms`. Throws for anything else, and for a point that nobody passes. */
export function readOrder(text: string): Order {
  const [, what, point = '', hit, ms] = /^(kill|stop) ([a-z-]+\.[a-z-]+):(\d+)(?::(\d+))?$/.exec(text.trim()) ?? [];
  if (!isPoint(point) || (what === 'stop') !== (ms !== undefined) || Number(hit) < 1)
    throw new Error(`'${text}' is no order; a right one looks like 'kill store.locked:1' or 'stop store.locked:1:2000'`);
  return { what: what as Order['what'], point, hit: Number(hit), ms: Number(ms ?? 0) };
}

export function isPoint(text: string): text is CrashPoint {
  return Object.hasOwn(CRASH_POINTS, text);
}

/**
 * How a process dies at a point. `at once`: within the call. Client libraries gather what is written within a turn of the event loop, so
 * that a process that dies at once has sent nothing; where the point is about what was sent, it dies as soon as the bytes are
 * with the kernel: all of them, or half of them.
 */
export type Manner = 'at once' | 'half published' | 'acknowledged' | 'commit sent';
const MANNERS: Partial<Record<CrashPoint, Manner>> = {
  'transport.sending': 'half published',
  'transport.acknowledged': 'acknowledged',
  'inbox.committing': 'commit sent',
};
export function mannerOf(point: CrashPoint): Manner {
  return MANNERS[point] ?? 'at once';
}
