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
/** Several JSON texts as one parameter. An array of them would have every quote escaped here and unescaped there. */
export function packed(jsonTexts: readonly string[]): string {
  return jsonTexts.join(SEPARATOR);
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
