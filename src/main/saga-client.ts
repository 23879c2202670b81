import { parseDuration, type Duration } from '../core/duration.js';
import { SagaError } from '../core/errors.js';
import type { Status } from '../core/state.js';
import { ApiClient } from '../http/api-client.js';
import type { SagaView, SummaryView } from '../http/schemas.js';
import type { AnySaga, InputOf, RejectedStep, RepliesOf, SagaClass, StepName } from '../saga/definition.js';
import type { OwnTransaction } from '../postgres/write-incoming.js';
import { activeTrace } from '../telemetry/active-trace.js';
import { factsOf, type NamedSaga, type StartOptions } from './named-saga.js';
import { within, type Within, type WithinOptions } from './within.js';

/** Why a saga was undone. */
export type Reason<S> =
  | RejectedStep<S>
  | { readonly kind: 'exhausted'; readonly step: StepName<S>; readonly message: string }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'cancelled'; readonly by: string; readonly text: string };
export interface Completed<S> {
  readonly status: 'completed';
  readonly id: string;
  /** By step; `undefined` for one that was skipped. */
  readonly replies: RepliesOf<S>;
}
export interface Compensated<S> {
  readonly status: 'compensated';
  readonly id: string;
  readonly reason: Reason<S>;
}
export type Outcome<S> = Completed<S> | Compensated<S>;

export interface WaitOptions {
  /** Default `30s`. */
  readonly wait?: Duration;
}
/** A saga somebody else may have started. */
export interface SagaByKey<S> {
  /** Until it is final. Throws {@link SagaStillRunningError} when the time is up, SAGA_NOT_FOUND when there is none. */
  outcome(options?: WaitOptions): Promise<Outcome<S>>;
  /** Turns it back; throws SAGA_NOT_ALLOWED once its pivot has succeeded. */
  cancel(reason: string): Promise<void>;
}
export interface SagaHandle<S> extends SagaByKey<S> {
  readonly id: string;
}
/** Which sagas are looked for; all that is given has to hold. */
export interface FindFilter {
  readonly status?: readonly Status[];
  readonly name?: string;
  readonly version?: number;
  readonly key?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** One of its current steps. */
  readonly step?: string;
  /** A participant that has not answered a command of it. */
  readonly waitingFor?: string;
  /** The code of what went wrong with it. */
  readonly error?: string;
  readonly startedBefore?: Date;
  readonly startedAfter?: Date;
  /** At most 500. Default 50. */
  readonly limit?: number;
  /** From the page before. */
  readonly cursor?: string;
}
/** A page, newest first; with a `cursor` if there is another. */
export interface FoundSagas {
  readonly sagas: readonly FoundSaga[];
  readonly cursor?: string | undefined;
}
/** What the API's list tells of a saga. */
export type FoundSaga = Readonly<SummaryView>;
export interface ClientOptions {
  /** The server, e.g. `http://127.0.0.1:7420`. */
  readonly url: string;
  /** Who cancels, for the history; a server that asks for a token knows it from there. Default `client`. */
  readonly name?: string;
  /** Where the server asks who is calling. */
  readonly token?: string;
  /** Of the daemons, for {@link Client.within}. Default `backstep`. */
  readonly namespace?: string;
}
/** Starts sagas and learns how they end. Errors are SagaErrors with the server's code. */
export interface Client {
  /** Starts a saga; safe to repeat by the same key. Throws SAGA_INPUT_INVALID, SAGA_KEY_REUSED, SAGA_UNKNOWN_DEFINITION, SAGA_UNAVAILABLE. */
  start<S extends AnySaga>(saga: SagaClass<S> | NamedSaga<S>, input: InputOf<S>, options?: StartOptions): Promise<SagaHandle<S>>;
  /** A saga that was started before, by its id or business key. Asks nothing yet. */
  saga<S extends AnySaga, At extends { readonly id: string } | { readonly key: string }>(
    saga: SagaClass<S> | NamedSaga<S>,
    at: At,
  ): At extends { readonly id: string } ? SagaHandle<S> : SagaByKey<S>;
  /** Looks for sagas. */
  find(filter?: FindFilter): Promise<FoundSagas>;
  /** Starts sagas in a transaction of the caller's on Backstep's database; asks no server. See {@link within}. */
  within(tx: OwnTransaction, options?: WithinOptions): Within;
}

/** The time was up before the saga was final; it goes on. */
export class SagaStillRunningError extends SagaError {
  constructor(
    readonly id: string,
    /** Where it was: `stuck` needs a person. */
    readonly status: Status,
    wait: Duration,
  ) {
    super('SAGA_STILL_RUNNING', `saga ${id} was ${status} after ${wait}`);
  }
}

/** A client of a running server. */
export function connect({ url, name = 'client', token, namespace = 'backstep' }: ClientOptions): Client {
  const api = new ApiClient({ url, token });
  return {
    start: async (saga, input, options = {}) => {
      const { name: sagaName, version } = factsOf(saga);
      const { key, tags } = options;
      const request = {
        name: sagaName,
        input,
        ...(version === undefined ? {} : { version }),
        ...(key === undefined ? {} : { key }),
        ...(tags === undefined ? {} : { tags: { ...tags } }),
      };
      const started = await api.start(request, activeTrace());
      return { id: started.id, ...watched(api, name, () => Promise.resolve(started.id)) };
    },
    saga: (saga, at) => {
      const id = 'id' in at ? () => Promise.resolve(at.id) : () => idOf(api, factsOf(saga).name, at.key);
      return { ...('id' in at ? { id: at.id } : {}), ...watched(api, name, id) } as never;
    },
    find: ({ tags, startedBefore, startedAfter, ...same } = {}) =>
      api.list({
        ...same,
        tag: tags && Object.entries(tags).map(([tag, value]) => `${tag}=${value}`),
        startedBefore: startedBefore?.toISOString(),
        startedAfter: startedAfter?.toISOString(),
      }),
    within: (tx, options) => within(tx, { namespace, ...options }),
  };
}

async function idOf(api: ApiClient, name: string, key: string): Promise<string> {
  const [found] = (await api.list({ name, key, limit: 1 })).sagas;
  if (!found) throw new SagaError('SAGA_NOT_FOUND', `there is no saga ${name} with the key ${JSON.stringify(key)}`);
  return found.id;
}

function watched<S>(api: ApiClient, by: string, id: () => Promise<string>): SagaByKey<S> {
  return {
    outcome: async ({ wait = '30s' } = {}) => outcomeOf(await waitUntilFinal(api, await id(), wait)),
    cancel: async (reason) => void (await api.operate(await id(), 'cancel', { by, reason })),
  };
}

/** One request waits at most this long: proxies between here and there cut what is silent for longer. */
const ROUND_MS = 20_000;

async function waitUntilFinal(api: ApiClient, id: string, wait: Duration): Promise<SagaView> {
  const waitMs = parseDuration(wait);
  if (waitMs === undefined) throw new SagaError('SAGA_CONFIG_INVALID', `'${wait}' is no duration; one looks like '30s'`);
  const until = performance.now() + waitMs;
  for (;;) {
    const leftMs = Math.max(0, until - performance.now());
    const saga = await api.saga(id, Math.ceil(Math.min(ROUND_MS, leftMs)));
    if (saga.endedAt !== null) return saga;
    if (performance.now() >= until) throw new SagaStillRunningError(id, saga.status, wait);
  }
}

function outcomeOf<S>(saga: SagaView): Outcome<S> {
  if (saga.status === 'completed') {
    const replies = Object.fromEntries(saga.steps.map(({ name, reply }) => [name, reply]));
    return { status: 'completed', id: saga.id, replies: replies as RepliesOf<S> };
  }
  return { status: 'compensated', id: saga.id, reason: saga.reason as Reason<S> };
}
