import { SagaError } from '../core/errors.js';

/** What a participant host may be told; every field has a default, resolved once by {@link resolveHostSettings}. Durations in milliseconds. */
export interface HostSettings {
  /** Prefix of queues and exchanges, as the orchestrator's. Default `backstep`. */
  readonly namespace: string;
  /** Groups of one participant that are under way at a time, each in a transaction and on a connection of its own. Default 1. */
  readonly concurrency: number;
  /** Commands in one transaction at most. Default 200. */
  readonly groupSize: number;
  /**
   * Commands in a group from which on it is trusted: those that look new are run without claiming their rows first, and written once
   * they are done; should one not be new, or fail, nothing of the group stays and it is run again in the careful way. Default 4.
   */
  readonly trustFrom: number;
  /** So many commands without a failure earn the trust back that one failure lost. Default 1,000. */
  readonly trustAfter: number;
  /** A transaction takes no further command after this. Default 50. */
  readonly groupMs: number;
  /** Longest wait for company while busy; an idle participant waits for nothing. Default 5. */
  readonly maxLingerMs: number;
  /** Commands of one participant that may be unsettled at a time. Default 500. */
  readonly prefetch: number;
  /** Handlers with effects outside at a time, for each command whose handler does not say; ten times as many without an inbox. Default 10. */
  readonly outsideConcurrency: number;
  /** After this the handler's `abortSignal` is aborted; one in a transaction is given up, and the command answered with an error. Default 60,000. */
  readonly handlerTimeoutMs: number;
  /** A handler in a group that takes longer is named in a warning. Default 50. */
  readonly slowHandlerMs: number;
  /** How long a command waits for one with effects outside about the same action. Default 5,000. */
  readonly lockWaitMs: number;
  /** A command that is older and has no row may have been forgotten, and is refused. Rows are kept a day longer. Default 30 days. */
  readonly horizonMs: number;
  /** Pause between two rounds of pruning. Default one hour. */
  readonly pruneMs: number;
  /** First wait after a failure of database or broker; doubles up to `backoffMaxMs`. Default 100. */
  readonly backoffMs: number;
  /** Default 2,000: a database that is back is noticed within that time. */
  readonly backoffMaxMs: number;
  /** How long `stop` waits for what is under way. Default 10,000. */
  readonly drainMs: number;
  /** Redeliveries after which the broker drops a command. Part of the queue's declaration: the same everywhere. Default 20. */
  readonly deliveryLimit: number;
}

const DAY_MS = 86_400_000;
/** Rows outlive the horizon by this, so that one is never missed while its command still counts. */
export const RETENTION_MARGIN_MS = DAY_MS;

const DEFAULT_SETTINGS: HostSettings = {
  namespace: 'backstep',
  concurrency: 1,
  groupSize: 200,
  trustFrom: 4,
  trustAfter: 1_000,
  groupMs: 50,
  maxLingerMs: 5,
  prefetch: 500,
  outsideConcurrency: 10,
  handlerTimeoutMs: 60_000,
  slowHandlerMs: 50,
  lockWaitMs: 5_000,
  horizonMs: 30 * DAY_MS,
  pruneMs: 3_600_000,
  backoffMs: 100,
  backoffMaxMs: 2_000,
  drainMs: 10_000,
  deliveryLimit: 20,
};

/** Settings with every default filled in, checked and frozen. Throws SAGA_CONFIG_INVALID with every fault. */
export function resolveHostSettings(given: Partial<HostSettings> = {}): HostSettings {
  const settings = { ...DEFAULT_SETTINGS, ...given };
  const faults = Object.entries(settings).flatMap(([name, value]) => {
    if (typeof value !== 'number') return [];
    const least = name === 'maxLingerMs' ? 0 : 1;
    return Number.isSafeInteger(value) && value >= least ? [] : [`${name} is ${value}; it has to be a whole number of at least ${least}`];
  });
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(settings.namespace))
    faults.push(`namespace is '${settings.namespace}'; letters, digits, - and _ only`);
  if (faults.length > 0) throw new SagaError('SAGA_CONFIG_INVALID', 'the participants cannot run with these settings:', faults);
  return Object.freeze(settings);
}
