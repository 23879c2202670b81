/**
 * Text from sagas as a terminal may show it: control characters, line breaks, bidirectional overrides and lone surrogates are written as
 * escapes, so that data can neither move the cursor nor pretend to be another line.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (found) => SHORT[found] ?? `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const UNSAFE = /[\p{Cc}\p{Surrogate}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** Any JSON on one line, cut where it is longer than `most`. */
export function shortJson(value: unknown, most = 200): string {
  return cut(printable(JSON.stringify(value) ?? ''), most);
}

/** Cut to `most` characters, with an ellipsis that says so. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, Math.max(0, most - 1))}…`;
}
