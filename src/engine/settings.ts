import { LIMITS, type Limits } from '../core/json.js';
import { SagaError } from '../core/errors.js';

/** What an engine may be told; every field has a default, resolved once by {@link resolveSettings}. Durations in milliseconds. */
export interface EngineSettings {
  /** Prefix of queues and exchanges; several installations share a broker by it. Default `backstep`. */
  readonly namespace: string;
  /** Work items in one transaction at most. Default 500. */
  readonly maxBatch: number;
  /** Transactions under way at a time; the events of one saga are never in two of them. Default 2. */
  readonly batchesInFlight: number;
  /**
   * Another batch begins only when it is full, or once the one before has been under way for so long: a database that answers does more with
   * few large ones, and one that hangs holds up nobody else. Default 100.
   */
  readonly overtakeMs: number;
  /** Longest wait for company while busy; idle engines wait for nothing. Default 5. */
  readonly maxLingerMs: number;
  /**
   * Replies and wire starts that may be unsettled at a time. Default 2,000: while a batch is published and one is in its transaction, a whole
   * one is to wait.
   */
  readonly prefetch: number;
  /** Messages that may wait for their confirms before the engine takes no further work. Default 20,000. */
  readonly maxUnconfirmed: number;
  /**
   * How often a message whose publishing has no known outcome is published, before the resend timer takes over. Default 7, which takes 1.5
   * to 3 seconds where the broker refuses at once: longer than a queue is without a leader after one of its nodes has died.
   */
  readonly publishTries: number;
  /** Nothing is published when more than this has passed since its transaction began: a paused process must not send stale commands. Default 10,000. */
  readonly stalePublishMs: number;
  /** A call of the API that got into no transaction within this time fails with SAGA_UNAVAILABLE. Default 10,000. */
  readonly callWaitMs: number;
  /** Longest wait between two looks at the timers, and at incoming starts. Default 500. */
  readonly sweepMs: number;
  /** Sagas in one transaction of the sweep. Default 500. */
  readonly sweepBatch: number;
  /** First wait after a failure of the database; doubles up to `backoffMaxMs`. Default 50. */
  readonly backoffMs: number;
  /** Default 2,000. */
  readonly backoffMaxMs: number;
  /** Pause between two looks for finished sagas that can be moved. Default 1,000. */
  readonly moveFinishedMs: number;
  /** Finished sagas moved in one transaction. Default 1,000. */
  readonly moveFinishedBatch: number;
  /** Pause between two rounds of the store's maintenance. Default one hour. */
  readonly maintainMs: number;
  /** How long a dead letter is kept after it was replayed or discarded. Default 30 days. Those that wait are kept. */
  readonly deadLetterKeepMs: number;
  /** Dead letters, and sagas whose retention is over, removed in one transaction. Default 1,000. */
  readonly forgetBatch: number;
  /** Pause between two looks at the clocks and at what the store has to say. Default 60,000. */
  readonly watchMs: number;
  /** Pause between two looks whether there are other daemons. Default 5,000. */
  readonly daemonsMs: number;
  /** Pause between two looks at a saga that another process may finish. Default 1,000. */
  readonly pollMs: number;
  /** How long `stop` waits for what is under way. Default 10,000. */
  readonly drainMs: number;
  /** How long `start` waits for the broker before the engine works without it. Default 5,000. */
  readonly connectWaitMs: number;
  /** Start although sagas of versions that are not loaded are in flight. Default false. */
  readonly allowOrphans: boolean;
  readonly limits: Limits;
}

const DEFAULT_SETTINGS: EngineSettings = {
  namespace: 'backstep',
  maxBatch: 500,
  batchesInFlight: 2,
  overtakeMs: 100,
  maxLingerMs: 5,
  prefetch: 2_000,
  maxUnconfirmed: 20_000,
  publishTries: 7,
  stalePublishMs: 10_000,
  callWaitMs: 10_000,
  sweepMs: 500,
  sweepBatch: 500,
  backoffMs: 50,
  backoffMaxMs: 2_000,
  moveFinishedMs: 1_000,
  moveFinishedBatch: 1_000,
  maintainMs: 3_600_000,
  deadLetterKeepMs: 2_592_000_000,
  forgetBatch: 1_000,
  watchMs: 60_000,
  daemonsMs: 5_000,
  pollMs: 1_000,
  drainMs: 10_000,
  connectWaitMs: 5_000,
  allowOrphans: false,
  limits: LIMITS,
};

const MAY_BE_ZERO: ReadonlySet<string> = new Set<keyof EngineSettings>(['maxLingerMs', 'stalePublishMs', 'overtakeMs']);

/** Settings with every default filled in, checked and frozen. Throws SAGA_CONFIG_INVALID with every fault. */
export function resolveSettings(given: Partial<EngineSettings> = {}): EngineSettings {
  const settings = { ...DEFAULT_SETTINGS, ...given };
  const faults: string[] = [];
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value !== 'number') continue;
    const least = MAY_BE_ZERO.has(name) ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) faults.push(`${name} is ${value}; it has to be a whole number of at least ${least}`);
  }
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(settings.namespace))
    faults.push(`namespace is '${settings.namespace}'; letters, digits, - and _ only`);
  if (faults.length > 0) throw new SagaError('SAGA_CONFIG_INVALID', 'the engine cannot run with these settings:', faults);
  return Object.freeze(settings);
}
