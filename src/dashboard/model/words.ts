import { formatDuration } from '../../core/duration.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, or in how long, in one unit: `just now`, `42s ago`, `in 5m`. */
export function relative(at: number, now: number): string {
  const ago = now - at;
  const size = Math.abs(ago);
  if (size < 2 * SECOND) return 'just now';
  const text = oneUnit(size);
  return ago > 0 ? `${text} ago` : `in ${text}`;
}

function oneUnit(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)}h`;
  return `${Math.floor(ms / DAY)}d`;
}

/** A duration for people. */
export function duration(ms: number): string {
  return formatDuration(Math.max(0, ms));
}

/** A number as people read it. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** `1 saga`, `2 sagas`. */
export function counted(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}

/** A size for people. */
export function bytes(value: number): string {
  if (value < 1_024) return counted(value, 'byte');
  return value < 1_048_576 ? `${(value / 1_024).toFixed(1)} KiB` : `${(value / 1_048_576).toFixed(1)} MiB`;
}

/** The beginning and the end of an id: time-ordered ids begin alike, so the end tells them apart. */
export function shortId(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, 4)}…${id.slice(-6)}`;
}
