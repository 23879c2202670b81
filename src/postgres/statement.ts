import { createHash } from 'node:crypto';
import type { QueryConfig } from 'pg';

/** A prepared statement: parsed and planned once per connection. Its name follows from its text, so that two can never be confused. */
export type Statement = (...values: unknown[]) => QueryConfig;

export function statement(text: string): Statement {
  const name = `backstep_${createHash('sha1').update(text).digest('hex').slice(0, 16)}`;
  return (...values) => ({ name, text, values });
}

/** Between the elements of {@link packed}: JSON text never contains a control character, it escapes them. */
const SEPARATOR = '\u0001';
/** SQL for the array behind a parameter made by {@link packed}. */
export const unpacked = (parameter: string): string => `string_to_array(${parameter}::text, chr(1))`;
/**
 * The JSON texts of several items as one parameter. An array of them would have every quote escaped here and unescaped there. Each is written
 * as bytes as soon as it is made: texts that wait for each other, or are joined, are copied several times into memory that has to be made and
 * collected.
 */
export function packed<T>(items: readonly T[], textOf: (item: T) => string): Buffer {
  let length = 0;
  for (const item of items) {
    const text = textOf(item);
    // A unit of UTF-16 is at most three bytes; one more for the separator.
    const needed = length + text.length * 3 + 1;
    if (needed > scratch.length) scratch = grown(scratch, length, needed);
    length += scratch.write(text, length);
    scratch[length++] = SEPARATOR_BYTE;
  }
  const bytes = Buffer.from(scratch.subarray(0, Math.max(0, length - 1)));
  if (scratch.length > KEPT_SCRATCH) scratch = Buffer.allocUnsafeSlow(KEPT_SCRATCH);
  return bytes;
}
const SEPARATOR_BYTE = SEPARATOR.charCodeAt(0);
/** More than a usual batch has. Bytes. */
const KEPT_SCRATCH = 4 * 1_048_576;
let scratch: Buffer = Buffer.allocUnsafeSlow(65_536);

function grown(buffer: Buffer, used: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, buffer.length * 2));
  buffer.copy(larger, 0, 0, used);
  return larger;
}

/** SQL for the array of `type` behind a parameter made by {@link column}. */
export const columnOf = (parameter: string, type: 'uuid' | 'text' | 'integer' | 'float8'): string =>
  `string_to_array(${parameter}::text, chr(1), '')::${type}[]`;
/**
 * One column of many rows as one parameter: ids, numbers, JSON texts, names and words of ours, which hold no control characters; '' stands
 * for null.
 * The driver would look at each element of an array and escape it.
 */
export function column(values: readonly (string | number | null)[]): string {
  return values.join(SEPARATOR);
}
