import type { Duration } from '../core/duration.js';
import type { Given, PlanCommand } from '../core/plan.js';
import { DEFAULTS, type RetryPolicy } from '../core/retry.js';
import { termsOf } from './contract.js';
import { durationOf, retryOf, type RetryOptions } from './policy.js';
import { isThenable } from './schema.js';

/** A command with what the step says about sending it. */
export interface WrittenCommand {
  readonly command: unknown;
  readonly request: unknown;
  readonly timeout?: Duration | undefined;
  readonly retry?: RetryOptions | undefined;
}

/** The command as the plan has it; `undefined` only where there is none, and `faults` says so. `where` is for errors at run time. */
export function planCommand(written: WrittenCommand, defaults: RetryPolicy, where: string, faults: string[]): PlanCommand | undefined {
  const timeoutMs = durationOf(written.timeout, DEFAULTS.timeoutMs, 'timeout', faults);
  const retry = retryOf(written.retry, defaults, faults);
  if (typeof written.request !== 'function') faults.push(`'request' must be a function that builds the command's request`);
  const terms = termsOf(written.command);
  if (!terms) {
    faults.push('it has no command of a contract; is the module of the contract imported in a circle?');
    return undefined;
  }
  return Object.freeze({
    participant: terms.participant,
    type: terms.type,
    inbox: terms.inbox,
    batch: terms.batch,
    idempotent: terms.idempotent,
    timeoutMs,
    retry: Object.freeze(retry),
    request: builder(written.request as (given: Given) => unknown, `${where}'s request`),
    readRequest: terms.readRequest,
    readReply: terms.readReply,
    rejections: terms.rejections,
    ...(terms.sensitive && { sensitive: terms.sensitive }),
  });
}

/** A function of a step, held to being synchronous: a promise would be sent as `{}`. */
export function builder<A, R>(written: (given: A) => R, what: string): (given: A) => R {
  return (given) => {
    const built = written(given);
    if (!isThenable(built)) return built;
    // Nobody will look at its outcome: without a handler a rejection would end the process.
    built.then(undefined, () => undefined);
    throw new TypeError(`${what} is asynchronous; the functions of a saga are synchronous and do no I/O`);
  };
}

/** The same for one that answers yes or no: guessing what another value means could skip a step that must not be skipped. */
export function predicate(written: (given: Given) => unknown, what: string): (given: Given) => boolean {
  const build = builder(written, what);
  return (given) => {
    const answer = build(given);
    if (typeof answer === 'boolean') return answer;
    throw new TypeError(`${what} gave ${answer === null ? 'null' : typeof answer}; it must give true or false`);
  };
}
