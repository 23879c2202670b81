import { messageOf } from '../core/errors.js';

/** What a failed statement says: whose fault, and whether its connection can be used again. */
export interface Verdict {
  /** `row`: the data of one of the rows, so try with fewer. `database`: try again later. */
  readonly blame: 'row' | 'database';
  /** The connection is gone, or in a state that nobody knows. */
  readonly isBroken: boolean;
}

/** Data exceptions (a NUL, a number out of range), broken constraints, limits of the server. */
const ROW = /^(22|23|54)/;
/** Connection failures, the server going down or kicking us out. */
const LOST = /^(08|57P0|25P03)/;
const READ_ONLY = '25006';

/** Another connection is needed. */
const breaks = (state: string) => LOST.test(state) || state === READ_ONLY;

/** Judges an error by its SQLSTATE. An error without one is the connection's, or a timeout at the client: the answer may still come. */
export function judge(error: unknown): Verdict {
  const state = sqlState(error);
  if (state === undefined) return { blame: 'database', isBroken: true };
  return { blame: ROW.test(state) ? 'row' : 'database', isBroken: breaks(state) };
}

/** A failed statement with the commit behind it: whether nobody knows what became of both. After any other answer of the server nothing is committed. */
export function mayHaveCommitted(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || LOST.test(state);
}

export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !isSystemError(error) ? code : undefined;
}

/** The connection was lost, and nothing else is wrong: the same again may work. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return breaks(state);
  const isReset = isSystemError(error) && /^E(CONN|PIPE|TIMEDOUT)/.test(String((error as { code?: unknown }).code));
  return isReset || LOST_FOR_CLIENTS.some((start) => messageOf(error).startsWith(start));
}

/** What pg says at the end of a connection, and of a statement on one that has failed or ended already; and TypeORM where one was lost between two. */
const LOST_FOR_CLIENTS = [
  'Connection terminated',
  'Client has encountered a connection error',
  'Client was closed and is not queryable',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Query read timeout',
  'Query runner already released',
] as const;

// Node's own codes can have five letters, too: EPIPE.
const isSystemError = (error: unknown): boolean => typeof (error as { syscall?: unknown } | undefined)?.syscall === 'string';

/** Thrown inside a transaction for what is wrong with the data before PostgreSQL sees it, or with what it answered. */
export class BatchError extends Error {
  constructor(
    readonly blame: 'row' | 'database',
    cause: unknown,
  ) {
    super(messageOf(cause), { cause });
  }
}
