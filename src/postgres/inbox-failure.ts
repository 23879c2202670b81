import type { InboxFailure } from '../ports/inbox.js';
import { sqlState } from './fate.js';

/** Deadlock, serialization. */
const CONFLICT = /^(40001|40P01)$/;
const LOCKED = /^55P03$/;
/** No connection, none left, no room, shutting down, not writable. */
const UNAVAILABLE = /^(08|53|57P0|25P03|25006)/;

/** What a failed statement of the inbox means. An error without an SQLSTATE is the connection's, or a timeout at the client. */
export function failureOf(error: unknown): InboxFailure {
  const state = stateOf(error);
  if (state === undefined || UNAVAILABLE.test(state)) return 'unavailable';
  if (CONFLICT.test(state)) return 'conflict';
  return LOCKED.test(state) ? 'locked' : 'refused';
}

/** Whether a failed COMMIT leaves open what became of it: only an answer of the server says that it was rolled back. */
export function isCommitUnknown(error: unknown): boolean {
  return failureOf(error) === 'unavailable';
}

/** Whether a handler met a deadlock or the like: the transaction as a whole is to blame, not the handler. */
export function isConflict(error: unknown): boolean {
  return CONFLICT.test(stateOf(error) ?? '');
}

/** Handlers and mappers wrap what the database said. */
function stateOf(error: unknown): string | undefined {
  let at = error;
  for (let depth = 0; depth < 5 && at instanceof Error; depth++) {
    const state = sqlState(at);
    if (state !== undefined) return state;
    at = at.cause;
  }
  return undefined;
}
