import { MESSAGE_LENGTH, shorten } from '../core/codec-text.js';
import { ERROR_CODES, SagaError, type ErrorCode } from '../core/errors.js';

/** An error as HTTP says it (RFC 9457, `application/problem+json`). Match on `code`. */
export interface Problem {
  /** `urn:backstep:error:<code>`. */
  readonly type: string;
  /** What the code means, always the same. */
  readonly title: string;
  readonly status: ProblemStatus;
  /** What is wrong this time. */
  readonly detail: string;
  readonly code: ErrorCode;
  /** Single faults, where there are several. */
  readonly faults?: readonly string[];
}
export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 409 | 410 | 412 | 413 | 415 | 422 | 429 | 500 | 503;

/** The one table of error code → HTTP status. */
export const STATUS_OF: Readonly<Record<ErrorCode, ProblemStatus>> = {
  SAGA_DEFINITION_INVALID: 500,
  SAGA_DEFINITION_CHANGED: 500,
  SAGA_DEFINITION_MISSING: 500,
  SAGA_UNKNOWN_DEFINITION: 404,
  SAGA_INPUT_INVALID: 422,
  SAGA_KEY_REUSED: 409,
  SAGA_NOT_FOUND: 404,
  SAGA_STEP_NOT_FOUND: 404,
  SAGA_NOT_ALLOWED: 409,
  SAGA_REPLY_INVALID: 422,
  SAGA_CHANGED: 412,
  SAGA_DEAD_LETTER_NOT_FOUND: 404,
  SAGA_DEAD_LETTER_NOT_ALLOWED: 409,
  SAGA_PAYLOAD_KEY_MISSING: 503,
  SAGA_EVENTS_EXPIRED: 410,
  SAGA_STILL_RUNNING: 409,
  SAGA_REQUEST_INVALID: 400,
  SAGA_UNAUTHENTICATED: 401,
  SAGA_FORBIDDEN: 403,
  SAGA_RATE_LIMITED: 429,
  SAGA_CONFIG_INVALID: 500,
  SAGA_SCHEMA_OUTDATED: 503,
  SAGA_TOPOLOGY_CONFLICT: 503,
  SAGA_TRANSACTION_INVALID: 500,
  SAGA_UNAVAILABLE: 503,
  SAGA_STORE_UNKNOWN: 503,
  SAGA_INTERNAL: 500,
};

/** A request that HTTP itself refuses: no such route, method, media type or size. */
export class RequestRefused extends SagaError {
  constructor(
    readonly status: ProblemStatus,
    message: string,
    faults: readonly string[] = [],
  ) {
    super('SAGA_REQUEST_INVALID', message, faults);
  }
}

/** Too many requests from one caller. */
export class TooMany extends SagaError {
  constructor(
    message: string,
    /** Seconds after which it is worth trying again. */
    readonly retryAfterS: number,
  ) {
    super('SAGA_RATE_LIMITED', message);
  }
}

/** The problem that an error is for the caller. Of what is not a SagaError nothing is told: it may hold SQL, addresses or secrets. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof SagaError))
    return describe('SAGA_INTERNAL', 500, 'Something went wrong inside; the log of the server says what.', []);
  const status = error instanceof RequestRefused ? error.status : STATUS_OF[error.code];
  return describe(error.code, status, headline(error), error.faults);
}

/** The message without its list of faults, which a problem carries in a field of its own. */
export function headline(error: SagaError): string {
  return error.faults.length > 0 ? error.message.split('\n  - ', 1)[0]! : error.message;
}

const FAULTS_TOLD = 50;
const FAULT_LENGTH = 500;

/** Faults quote the request, which may be long; an answer is not. */
function describe(code: ErrorCode, status: ProblemStatus, detail: string, faults: readonly string[]): Problem {
  const problem = { type: `urn:backstep:error:${code}`, title: ERROR_CODES[code], status, detail: shorten(detail, MESSAGE_LENGTH), code };
  if (faults.length === 0) return problem;
  const left = faults.length - FAULTS_TOLD;
  const told = faults.slice(0, FAULTS_TOLD).map((fault) => shorten(fault, FAULT_LENGTH));
  return { ...problem, faults: left > 0 ? [...told, `and ${left} more`] : told };
}
