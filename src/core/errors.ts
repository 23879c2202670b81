/**
 * Every error that Backstep itself throws. Match on `code`, never on the message. Codes are listed in docs/errors.md, which a test
 * compares with {@link ERROR_CODES}.
 */
export class SagaError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
  constructor(
    readonly code: ErrorCode,
    message: string,
    /** Single faults, where there can be several. */
    readonly faults: readonly string[] = [],
    options?: ErrorOptions,
  ) {
    super(faults.length > 0 ? `${message}\n${faults.map((fault) => `  - ${fault}`).join('\n')}` : message, options);
  }
}

/** Code → what it means and what to do next. */
export const ERROR_CODES = {
  SAGA_DEFINITION_INVALID: 'A saga, contract or participant is declared wrongly; every fault is listed with class and field.',
  SAGA_DEFINITION_CHANGED: 'A version in flight was declared again with another shape; give the new shape a new version.',
  SAGA_DEFINITION_MISSING: 'Sagas of a version that is not loaded are in flight; load it, or allow orphans.',
  SAGA_UNKNOWN_DEFINITION: 'No definition of this name (and version) is loaded.',
  SAGA_INPUT_INVALID: 'The input does not fit the definition, or breaks a limit.',
  SAGA_KEY_REUSED: 'A saga of this name and key exists and was started with another input.',
  SAGA_NOT_FOUND: 'There is no saga with this id.',
  SAGA_STEP_NOT_FOUND: 'The definition has no step of this name.',
  SAGA_NOT_ALLOWED: 'The state of the saga does not allow this now; the message says why and what is possible.',
  SAGA_REPLY_INVALID: 'The reply given does not fit the contract of the command.',
  SAGA_CHANGED: 'The saga has moved on since the version that If-Match names; look at it again.',
  SAGA_DEAD_LETTER_NOT_FOUND: 'There is no dead letter with this id.',
  SAGA_DEAD_LETTER_NOT_ALLOWED: 'The dead letter cannot be replayed or discarded; the message says why.',
  SAGA_PAYLOAD_KEY_MISSING:
    'What is sealed in the saga cannot be opened here now: its key is not among BACKSTEP_PAYLOAD_KEYS. Bring the key, and try again.',
  SAGA_EVENTS_EXPIRED: 'The events after this Last-Event-ID are no longer told; begin anew without it.',
  SAGA_STILL_RUNNING: 'The saga was not final when the time was up.',
  SAGA_REQUEST_INVALID: 'The HTTP request is malformed.',
  SAGA_UNAUTHENTICATED: 'The server asks for a token, and none was sent that it knows and that has not expired.',
  SAGA_FORBIDDEN: 'Who sent the request may not do this; the message says what is missing.',
  SAGA_RATE_LIMITED: 'Too many requests in too short a time; try again after the time that Retry-After says.',
  SAGA_CONFIG_INVALID: 'The configuration is wrong; every fault is listed.',
  SAGA_SCHEMA_OUTDATED: 'The database schema is not the one this program was built for; run backstep migrate.',
  SAGA_TOPOLOGY_CONFLICT: 'A queue or exchange exists with other arguments; the message names the difference.',
  SAGA_TRANSACTION_INVALID: 'What was given to `within` is no open transaction in which a start can be written.',
  SAGA_UNAVAILABLE: 'The database or the broker cannot be reached; nothing was lost, try again.',
  SAGA_STORE_UNKNOWN: 'The outcome of a commit is unknown; a retry with the same key is safe.',
  SAGA_INTERNAL: 'A bug in Backstep; please report it with the message.',
} as const;
export type ErrorCode = keyof typeof ERROR_CODES;

/** What a thrown value says, whatever it is: anything can be thrown, and a message may be missing, no text, or a trap. Never throws. */
export function messageOf(error: unknown): string {
  try {
    const message: unknown = error instanceof Error ? error.message : error;
    if (typeof message === 'string') return message;
    return error instanceof Error ? `${error.name} without a message` : `thrown value: ${String(error)}`;
  } catch {
    return 'a thrown value that cannot be shown';
  }
}

export function assertNever(value: never): never {
  throw new SagaError('SAGA_INTERNAL', `unexpected value ${JSON.stringify(value)}`);
}
