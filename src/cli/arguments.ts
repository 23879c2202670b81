import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../core/duration.js';
import { messageOf } from '../core/errors.js';
import { UsageError } from './exit-codes.js';
import type { Terminal } from './terminal.js';

/** `--limit 20`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/** `--wait=30s`; milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be a duration such as 500ms, 30s or 5m.');
  return ms;
}

/** `--started-before 2h` (so long ago) or an ISO instant; milliseconds since 1970, or what is to be taken from now. */
export function instantOrAge(text: string): Moment {
  const ago = parseDuration(text);
  if (ago !== undefined) return { ago };
  const at = /^\d{4}-\d{2}-\d{2}(?:T|$)/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(at))
    throw new InvalidArgumentError('It must be a duration such as 30m or 2h (so long ago), or a time such as 2026-11-29T12:00Z.');
  return { at };
}
export type Moment = { readonly ago: number } | { readonly at: number };

/** `--interval 2s`: no shorter than a look may take. */
export function interval(text: string): number {
  const ms = duration(text);
  if (ms < LEAST_INTERVAL_MS) throw new InvalidArgumentError('It must be at least 200ms.');
  return ms;
}
const LEAST_INTERVAL_MS = 200;

/** `--tag k=v`, repeated. */
export function tag(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be NAME=VALUE.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** A value of an option that may be repeated. */
export function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** JSON given as itself, as `@FILE` or as `-` (standard input). */
export async function readJson(source: string, what: string, terminal: Terminal): Promise<unknown> {
  const text = await readSource(source, what, terminal);
  try {
    return JSON.parse(text);
  } catch (error: unknown) {
    throw new UsageError(`${what} is not JSON: ${messageOf(error)}`);
  }
}

async function readSource(source: string, what: string, terminal: Terminal): Promise<string> {
  if (source === '-') {
    const chunks: Uint8Array[] = [];
    for await (const chunk of terminal.input) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    return Buffer.concat(chunks).toString('utf8');
  }
  if (!source.startsWith('@')) return source;
  try {
    return await readFile(source.slice(1), 'utf8');
  } catch (error: unknown) {
    throw new UsageError(`${what} cannot be read: ${messageOf(error)}`);
  }
}
