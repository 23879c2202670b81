import { commandIn } from '../core/attempts.js';
import { decide } from '../core/decide.js';
import { messageOf, SagaError } from '../core/errors.js';
import type { Decision } from '../core/event.js';
import { failureId, failuresOf } from '../core/failures.js';
import type { Plan } from '../core/plan.js';
import { NotOpened } from '../core/sealing.js';
import { statusOf, stuckSteps, type SagaState, type Status } from '../core/state.js';
import type { SagaFilter } from '../ports/saga-filter.js';
import type { SagaStore, StoredSaga } from '../ports/saga-store.js';
import type { OperatorEvent, SagaService } from './service.js';

/** The same decision about every saga that a filter finds. What has ended is never among them. */
export interface BulkRequest {
  readonly verb: OperatorEvent['kind'];
  readonly filter: BulkFilter;
  readonly by: string;
  readonly text: string;
  /** What `retry` and `settle` are about. Default: the steps that are stuck, of a failure those that are stuck for it. */
  readonly step?: string;
  readonly confirm?: 'not-done';
  /** Of `settle`; default `success`. */
  readonly outcome?: 'success' | 'rejected';
  readonly reply?: { readonly value: unknown };
  readonly code?: string;
  /** At most so many sagas, newest first. Default: all. */
  readonly limit?: number;
}
export type BulkFilter = Omit<SagaFilter, 'limit' | 'cursor'> & {
  /** A group of failures: see {@link failureId}. */
  readonly failure?: string;
};

/** What would happen. Nothing has. */
export interface BulkForecast {
  readonly matched: number;
  readonly allowed: number;
  /** Most frequent first. */
  readonly refused: readonly { readonly why: string; readonly count: number }[];
  /** Some of those for which it is allowed. */
  readonly sample: readonly Forecast[];
}
export interface Forecast {
  readonly id: string;
  readonly name: string;
  readonly key: string | null;
  readonly status: Status;
  /** Its status at once after it. */
  readonly becomes: Status;
  /** Commands that it would send at once. */
  readonly sends: readonly string[];
}
export type BulkResult =
  | { readonly id: string; readonly done: true; readonly saga: StoredSaga; readonly decided: boolean }
  | { readonly id: string; readonly done: false; readonly error: SagaError };

export interface BulkParts {
  readonly store: Pick<SagaStore, 'list'>;
  readonly service: Pick<SagaService, 'operate' | 'definitions'>;
}

/** Sagas that are asked for, and decided about, at a time: replies that come meanwhile share a transaction with them, and wait for no more. */
const BATCH = 100;
const SAMPLE = 10;
const OPEN: readonly Status[] = ['running', 'compensating', 'suspended', 'stuck'];
/** Failures are those of stuck sagas. */
const STUCK: readonly Status[] = ['stuck'];

/** Decides about each saga in memory, and writes nothing. */
export async function forecast({ store, service }: BulkParts, request: BulkRequest): Promise<BulkForecast> {
  const refused = new Map<string, number>();
  const sample: Forecast[] = [];
  let matched = 0;
  let allowed = 0;
  for await (const sagas of matches(store, request)) {
    for (const { state } of sagas) {
      matched += 1;
      const foreseen = foresee(service.definitions, state, request);
      if (typeof foreseen === 'string') refused.set(foreseen, (refused.get(foreseen) ?? 0) + 1);
      else if ((allowed += 1) <= SAMPLE) sample.push(foreseen);
    }
  }
  const sorted = [...refused].toSorted(([, one], [, other]) => other - one);
  return { matched, allowed, refused: sorted.map(([why, count]) => ({ why, count })), sample };
}

/**
 * Carries it out, a batch with every step of the iteration: each saga's decision goes the way of any other, in line with its replies. Whoever
 * stops iterating stops it after the batch. The first sagas are found before this resolves, so that a store that cannot be used is told then.
 */
export async function carryOut(
  { store, service }: BulkParts,
  request: BulkRequest,
): Promise<AsyncGenerator<readonly BulkResult[], undefined>> {
  const found = matches(store, request);
  const first = await found.next();
  return (async function* () {
    for (let batch = first; !batch.done; batch = await found.next())
      yield await Promise.all(batch.value.map((saga) => operate(service, saga, request)));
    return undefined;
  })();
}

async function* matches(store: BulkParts['store'], request: BulkRequest): AsyncGenerator<readonly StoredSaga[], undefined> {
  const { failure, status = failure === undefined ? OPEN : STUCK, ...filter } = request.filter;
  const fits = ({ state }: StoredSaga) => failure === undefined || failuresOf(state).some((one) => failureId(one) === failure);
  let left = request.limit ?? Infinity;
  let cursor: string | undefined;
  do {
    const page = await store.list({ ...filter, status, limit: BATCH, ...(cursor === undefined ? {} : { cursor }) });
    const sagas = page.sagas.filter((saga) => !saga.state.end && fits(saga)).slice(0, left);
    left -= sagas.length;
    cursor = page.cursor;
    if (sagas.length > 0) yield sagas;
  } while (cursor !== undefined && left > 0);
  return undefined;
}

async function operate(service: BulkParts['service'], { state }: StoredSaga, request: BulkRequest): Promise<BulkResult> {
  const { id } = state;
  const events = eventsFor(state, request);
  if (events.length === 0) return { id, done: false, error: new SagaError('SAGA_NOT_ALLOWED', NOTHING_STUCK) };
  try {
    let operated = await service.operate(id, events[0]!);
    for (const event of events.slice(1)) operated = await service.operate(id, event);
    return { id, done: true, ...operated };
  } catch (error: unknown) {
    return { id, done: false, error: error instanceof SagaError ? error : inside(error) };
  }
}
const NOTHING_STUCK = 'none of its steps is stuck';
function inside(error: unknown): SagaError {
  return new SagaError('SAGA_INTERNAL', messageOf(error), [], { cause: error });
}

/** What happens to one saga, or why it is refused. */
function foresee(plans: readonly Plan[], before: SagaState, request: BulkRequest): Forecast | string {
  const plan = plans.find(({ name, version }) => name === before.name && version === before.version);
  if (!plan) return `${before.name} version ${before.version} is not loaded here; ask a daemon that has it`;
  const events = eventsFor(before, request);
  if (events.length === 0) return NOTHING_STUCK;
  let state = before;
  const sends: string[] = [];
  for (const event of events) {
    const decision = decided(plan, state, event);
    if (typeof decision === 'string') return decision;
    sends.push(...decision.commands.flatMap((send) => typeOf(plan, decision.state, send)));
    ({ state } = decision);
  }
  const { id, name, key } = before;
  return { id, name, key, status: statusOf(before), becomes: statusOf(state), sends };
}
function decided(plan: Plan, state: SagaState, event: OperatorEvent): Decision | string {
  try {
    const decision = decide(plan, state, event, state.eventAt);
    return decision.refused ? [decision.refused.why, ...(decision.refused.faults ?? [])].join('; ') : decision;
  } catch (error: unknown) {
    return error instanceof NotOpened ? error.message : `it fails inside: ${messageOf(error)}`;
  }
}
function typeOf(plan: Plan, state: SagaState, { step, phase }: Decision['commands'][number]): readonly string[] {
  const planned = plan.steps.find(({ name }) => name === step);
  if (!planned || planned.kind === 'check' || state.suspended || !commandIn(state.steps[step]!, phase)) return [];
  if (phase === 'c') return [planned.compensation!.type];
  return [phase === 'f' ? `fence of ${planned.action.type}` : planned.action.type];
}

/** One decision, or one for each step that it is about. */
function eventsFor(state: SagaState, request: BulkRequest): readonly OperatorEvent[] {
  const { verb, by, text, confirm, outcome = 'success', reply, code } = request;
  switch (verb) {
    case 'cancel':
    case 'suspend':
    case 'resume':
      return [{ kind: verb, by, text }];
    case 'retry':
      return stepsOf(state, request).map((at) => ({ kind: verb, by, text, step: at, ...(confirm ? { confirm } : {}) }));
    case 'settle': {
      const answer = { ...(reply ? { reply: reply.value } : {}), ...(code === undefined ? {} : { code }) };
      return stepsOf(state, request).map((at) => ({ kind: verb, by, text, step: at, outcome, ...answer }));
    }
  }
}
function stepsOf(state: SagaState, { step, filter: { failure } }: BulkRequest): readonly string[] {
  if (step !== undefined) return [step];
  const stuck = failure === undefined ? stuckSteps(state) : failuresOf(state).filter((one) => failureId(one) === failure);
  return stuck.map(({ step: at }) => at);
}
