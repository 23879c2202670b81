import { shorten } from '../core/codec-text.js';
import { messageOf } from '../core/errors.js';
import type { Reader, Reading } from '../core/plan.js';

/* oxlint-disable typescript/no-explicit-any -- `any` stands for "whatever the schema says"; it is read by index and never flows on */

/** The part of https://standardschema.dev that is used here; zod, valibot, arktype … satisfy it as they are. */
export interface Schema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => unknown;
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
  };
}

/** A schema that checks nothing: a contract of types alone. */
export function typed<T>(): Schema<T> {
  return Object.freeze({ '~standard': Object.freeze({ version: 1, vendor: 'backstep', validate: (value: unknown) => ({ value }) }) });
}

/** What survives JSON unchanged: `T` itself, with `never` where a Date, Map, bigint or function would be lost. */
export type JsonOf<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends bigint | symbol | Date | Map<any, any> | Set<any> | ((...args: any[]) => any)
    ? never
    : { [K in keyof T]: JsonOf<T[K]> };
/** Only the part that types are read from: comparing a whole zod object with {@link Schema} costs ten times as much. */
export interface AnySchema {
  readonly '~standard': { readonly types?: { readonly input: any; readonly output: any } | undefined };
}
/** What a sender writes. */
export type SentOf<S extends AnySchema> = NonNullable<S['~standard']['types']>['input'];
/** What a reader gets. */
export type ReadOf<S extends AnySchema> = NonNullable<S['~standard']['types']>['output'];
/** `unknown` for a schema both sides of which are JSON, else an object that says what is not. */
export type JsonFault<S extends AnySchema> = [SentOf<S>, ReadOf<S>] extends [JsonOf<SentOf<S>>, JsonOf<ReadOf<S>>]
  ? unknown
  : { 'not JSON': [sent: SentOf<S>, read: ReadOf<S>] };

/** Whether a value is a schema that can be asked. */
export function isSchema(value: unknown): value is Schema {
  const standard = (value as { readonly '~standard'?: { readonly validate?: unknown } } | null | undefined)?.['~standard'];
  return typeof standard?.validate === 'function';
}

/**
 * The reader of a schema. `what` names the schema where it is itself at fault: asynchronous, or throwing. Faults of the value
 * are `path: message`; whoever asked says what was read.
 */
export function readerOf(schema: Schema, what: string): Reader {
  const { validate } = schema['~standard'];
  return (value) => {
    let result: unknown;
    try {
      result = validate(value);
    } catch (error: unknown) {
      return fault(`the schema of ${what} throws: ${messageOf(error)}`);
    }
    if (isThenable(result)) {
      // Nobody will look at its outcome: without a handler a rejection would end the process.
      result.then(undefined, () => undefined);
      return fault(`the schema of ${what} is asynchronous; asynchronous schemas are not supported`);
    }
    return readingOf(result as StandardResult, what);
  };
}

/** Takes everything as it is. */
export const readAnything: Reader = (value) => ({ ok: true, value });
/** For a command without a reply: whatever came, there is nothing to read. */
export const readNothing: Reader = () => ({ ok: true, value: undefined });

/** Whether a value would have to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
type StandardResult = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly Issue[] } | null | undefined;

const FAULTS_READ = 50;
const FAULT_LENGTH = 500;

function readingOf(result: StandardResult, what: string): Reading {
  if (typeof result !== 'object' || result === null) return fault(`the schema of ${what} gave no result`);
  if (!result.issues) return { ok: true, value: result.value };
  // A list of a hundred thousand wrong elements has as many; who reads them reads the first.
  const faults = result.issues.slice(0, FAULTS_READ).map((issue) => shorten(textOf(issue), FAULT_LENGTH));
  return { ok: false, faults: faults.length > 0 ? faults : [`refused by the schema of ${what}`] };
}

function textOf({ message, path }: Issue): string {
  const keys = (path ?? []).map((part) => (typeof part === 'object' ? part.key : part));
  return keys.length > 0 ? `${keys.map(String).join('.')}: ${message}` : message;
}

function fault(text: string): Reading {
  return { ok: false, faults: [text] };
}
