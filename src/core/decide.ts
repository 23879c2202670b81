import { advance } from './advance.js';
import { Draft } from './draft.js';
import { assertNever } from './errors.js';
import type { Decision, SagaEvent } from './event.js';
import type { Json } from './json.js';
import { cancel, resume, retry, settleByHand, suspend } from './operator.js';
import type { Plan } from './plan.js';
import { causeOf, replied } from './reply.js';
import type { SagaState } from './state.js';
import { due } from './timers.js';

export { nextDue } from './timers.js';

/** What a saga is started with. */
export interface Beginning {
  readonly id: string;
  readonly key: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly traceparent: string | null;
  readonly tracestate?: string;
  /** As read by the plan's schema: JSON that was checked at the edge. */
  readonly input: Json;
  /** Length of the input, against the row's limit. */
  readonly bytes: number;
  /** Who asked for it, where that is known for sure. */
  readonly by?: string | undefined;
  /** It has a key of its own. */
  readonly ownKey?: true;
}

/** A new saga and its first commands. `now` is the store's clock, in milliseconds. */
export function begin(plan: Plan, beginning: Beginning, now: number): Decision {
  const { bytes, id, key, tags, traceparent, tracestate, input } = beginning;
  const state: SagaState = {
    id,
    name: plan.name,
    version: plan.version,
    key,
    tags,
    traceparent,
    ...(tracestate === undefined ? {} : { tracestate }),
    input,
    ...(beginning.ownKey && { ownKey: true }),
    startedAt: now,
    direction: 'forward',
    end: null,
    endedAt: null,
    reason: null,
    suspended: null,
    pendingCancel: null,
    deadlineAt: plan.deadlineMs === undefined ? null : now + plan.deadlineMs,
    steps: {},
    order: [],
    attention: [],
    seq: 0,
    eventAt: now,
    noted: {},
    bytes,
  };
  const draft = new Draft(plan, state, now, 'start');
  draft.enter('started', beginning.by === undefined ? undefined : { by: beginning.by });
  advance(draft);
  return draft.decision();
}

/**
 * The state machine. Pure: no clock, chance or I/O; the same arguments give the same decision, and the state given is not changed.
 * The rules are design.md §3; where a rule is not what one would write first, a comment names the trace in protocol.md that breaks
 * the naive reading.
 */
export function decide(plan: Plan, state: SagaState, event: SagaEvent, now: number): Decision {
  const draft = new Draft(plan, state, now, event.kind === 'replied' ? causeOf(event) : event.kind === 'due' ? 'timer' : 'operator');
  switch (event.kind) {
    case 'replied':
      replied(draft, event);
      break;
    case 'due':
      due(draft);
      break;
    case 'cancel':
      return cancel(draft, event, state);
    case 'suspend':
      return suspend(draft, event, state);
    case 'resume':
      return resume(draft, event, state);
    case 'retry':
      return retry(draft, event, state);
    case 'settle':
      return settleByHand(draft, event, state);
    default:
      assertNever(event);
  }
  advance(draft);
  return draft.decision();
}
