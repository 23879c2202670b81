import { toJson } from '../core/json.js';
import type { KEY_MISSING } from '../core/sealing.js';
import type { Outcome } from '../core/state.js';

/** What a command is answered with, before it becomes a message. */
export interface Answer {
  readonly outcome: Outcome;
  /** JSON text: the reply, or `{ code, message, details }`. */
  readonly body: string;
}

/** Codes of `error` and `rejected` that this side itself answers with. The first four are of the wire; the others only name a cause. */
export type OwnCode =
  | 'undone'
  | typeof KEY_MISSING
  | 'beyond-horizon'
  | 'id-reused'
  | 'outcome-unknown'
  | 'request-invalid'
  | 'reply-invalid'
  | 'handler-failed'
  | 'handler-timeout'
  | 'locked'
  | 'no-inbox'
  | 'not-committed';

/** The reply of a command that has none. */
export const EMPTY = 'null';

export function success(body: string = EMPTY): Answer {
  return { outcome: 'success', body };
}

export function rejected(code: string, message: string, details?: unknown): Answer {
  return { outcome: 'rejected', body: explain(code, message, details) };
}

/** A technical failure: nothing of the command took effect, and it may be tried again. */
export function failure(code: OwnCode, message: string, details?: unknown): Answer {
  return { outcome: 'error', body: explain(code, message, details) };
}

const MAX_MESSAGE = 2_000;

/** Always fits the wire: texts are cut and cleaned, details that JSON cannot keep are left out. */
function explain(code: string, message: string, details: unknown): string {
  const short = clean(message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message);
  const full = details === undefined ? undefined : toJson({ code, message: short, details }, 'the answer');
  return full?.ok ? full.text : JSON.stringify({ code, message: short });
}

/** Without what PostgreSQL cannot store: NUL and halves of surrogate pairs. */
function clean(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '\uFFFD').replaceAll(String.fromCharCode(0), '\uFFFD');
}
