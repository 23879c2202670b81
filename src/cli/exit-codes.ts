import { SagaError, type ErrorCode } from '../core/errors.js';
import type { Status } from '../core/state.js';

/** What a command says to scripts when it ends; listed in docs/cli.md. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  unreachable: 5,
  /** With `--wait`: the saga was undone. */
  compensated: 10,
  /** With `--wait`: the time was up first. */
  stillRunning: 11,
  /** With `--wait`: a step is stuck and needs a person. */
  stuck: 12,
} as const;

const OF_ERROR: Partial<Record<ErrorCode, number>> = {
  SAGA_CONFIG_INVALID: EXIT.usage,
  SAGA_NOT_FOUND: EXIT.notFound,
  SAGA_STEP_NOT_FOUND: EXIT.notFound,
  SAGA_UNKNOWN_DEFINITION: EXIT.notFound,
  SAGA_DEAD_LETTER_NOT_FOUND: EXIT.notFound,
  SAGA_DEAD_LETTER_NOT_ALLOWED: EXIT.notAllowed,
  SAGA_NOT_ALLOWED: EXIT.notAllowed,
  SAGA_KEY_REUSED: EXIT.notAllowed,
  SAGA_UNAVAILABLE: EXIT.unreachable,
  SAGA_STORE_UNKNOWN: EXIT.unreachable,
};

/** A command that was called wrongly. */
export class UsageError extends Error {}

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  return (error instanceof SagaError && OF_ERROR[error.code]) || EXIT.failed;
}

/** The exit code for where a saga was when waiting for it ended. */
export function exitCodeOfStatus(status: Status): number {
  if (status === 'completed') return EXIT.ok;
  if (status === 'compensated') return EXIT.compensated;
  return status === 'stuck' ? EXIT.stuck : EXIT.stillRunning;
}
