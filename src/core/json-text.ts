import { utf8Bytes, type Json } from './json.js';

/** A value as JSON text, and how many bytes of UTF-8 that has. */
export interface JsonText {
  readonly text: string;
  readonly bytes: number;
}
const known = new WeakMap<object, JsonText>();

/**
 * The JSON text of a value that nobody can change any more, kept as long as the value: a saga's input goes into its row and into most of
 * its commands, a request into both.
 */
export function rememberText(value: Json, text: string): JsonText {
  const remembered = { text, bytes: utf8Bytes(text) };
  if (typeof value === 'object' && value !== null) known.set(value, remembered);
  return remembered;
}

/** What is remembered of a value. */
export function rememberedText(value: unknown): JsonText | undefined {
  return typeof value === 'object' && value !== null ? known.get(value) : undefined;
}

/** The JSON text of a value, from memory where it is known. */
export function textOf(value: Json): string {
  return rememberedText(value)?.text ?? JSON.stringify(value);
}
