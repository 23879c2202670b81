import { begin, decide } from '../../../src/core/decide.js';
import type { Decision, HistoryEntry, Replied, SagaEvent } from '../../../src/core/event.js';
import { utf8Bytes } from '../../../src/core/json.js';
import type { Plan } from '../../../src/core/plan.js';
import type { SagaState } from '../../../src/core/state.js';

/**
 * Tells a saga's history to the pure core once more, and compares: every line has to come out as it was written, and in the end the
 * state that is stored (V10). Gives the first difference.
 */
export function replayHistory(plan: Plan, stored: SagaState, history: readonly HistoryEntry[]): string | undefined {
  const { id, key, tags, traceparent, input, startedAt } = stored;
  const bytes = utf8Bytes(JSON.stringify(input));
  let decision: Decision = begin(plan, { id, key, tags, traceparent, input, bytes }, startedAt);
  let told = 0;
  for (;;) {
    for (const entry of decision.history) {
      const written = history[told++];
      if (JSON.stringify(entry) !== JSON.stringify(written)) {
        return `entry ${entry.seq} comes out as ${JSON.stringify(entry)}, but ${JSON.stringify(written)} was written`;
      }
    }
    const next = history[told];
    if (!next) break;
    decision = decide(plan, decision.state, eventOf(next, stored), next.at);
    if (decision.history.length === 0) return `entry ${next.seq} (${next.event}) does not come about again`;
  }
  const [now, then] = [comparable(decision.state), comparable(stored)];
  for (const part of Object.keys(then) as (keyof SagaState)[]) {
    const [one, other] = [JSON.stringify(now[part]), JSON.stringify(then[part])];
    if (one !== other) return `its ${part} comes out as ${one}, but ${other} is stored`;
  }
  return undefined;
}

/** What made a line; bodies are in the state. */
function eventOf(entry: HistoryEntry, stored: SagaState): SagaEvent {
  const by = { by: entry.by ?? '', text: entry.message ?? '' };
  switch (entry.event) {
    case 'cancel-requested':
      return { kind: 'cancel', ...by };
    case 'suspended':
      return { kind: 'suspend', ...by };
    case 'resumed':
      return { kind: 'resume', ...by };
    case 'retry-requested':
      return { kind: 'retry', step: entry.step!, ...by };
    case 'timed-out':
    case 'backoff-over':
    case 'resent':
    case 'deadline-reached':
      return { kind: 'due' };
    default:
      return replyOf(entry, stored);
  }
}

function replyOf(entry: HistoryEntry, stored: SagaState): Replied {
  const { step, phase, execution, attempt, outcome, code, message } = entry;
  const at = stored.steps[step!];
  const isSuccess = outcome === 'success';
  const isUsed = isSuccess && phase !== 'c' && at?.reply !== undefined;
  const body = isUsed ? at.reply! : null;
  return {
    kind: 'replied',
    step: step!,
    phase: phase!,
    execution: execution!,
    attempt,
    outcome: outcome!,
    body,
    redelivered: false,
    bytes: isUsed ? utf8Bytes(JSON.stringify(body)) : 0,
    ...(isSuccess && message !== undefined ? { unusable: message } : {}),
    ...(code === undefined ? {} : { code }),
    ...(isSuccess || message === undefined ? {} : { message }),
  };
}

/** Without what is only counted: repetitions leave no line, and how many bytes a reply had that nothing was made of. */
function comparable(state: SagaState): SagaState {
  return { ...state, noted: {}, eventAt: 0, bytes: 0 };
}
