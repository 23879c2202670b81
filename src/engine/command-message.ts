import type { Sending } from '../core/codec-commands.js';
import type { Send } from '../core/event.js';
import type { CommandStep, Plan, PlanCommand } from '../core/plan.js';
import { textOf } from '../core/json-text.js';
import { commandId, type CommandState, type Phase, type SagaState, type StepState } from '../core/state.js';
import { FENCE_TYPE, type CommandMessage } from '../core/wire.js';
import type { SagaTracer } from './tracing.js';

/** The state of the command that a send refers to, if there is one. */
export function commandOf(state: SagaState, send: Send): CommandState | undefined {
  const step = state.steps[send.step];
  if (!step) return undefined;
  if (send.phase === 'a') return step.action;
  return send.phase === 'c' ? step.undo : step.fence;
}

/**
 * The command of a send, as it is to be sent now, or `undefined` if the command no longer waits for an answer: it was settled, or is
 * backing off, since it was decided to send it.
 */
export function sendingOf(plan: Plan, state: SagaState, send: Send, tracer?: SagaTracer): Sending | undefined {
  const command = commandOf(state, send);
  const gapMs = command && gapToNext(command);
  if (!command || gapMs === undefined) return undefined;
  const step = commandStep(plan, send.step);
  const about = plannedCommand(step, send.phase);
  if (!about) return undefined;
  const fence = send.phase === 'f';
  const id = commandId(state.id, send.step, send.phase, command.execution);
  const { attempt } = command;
  const traceparent = tracer && state.traceparent !== null ? tracer.traceparentOf(state, { id, attempt }) : state.traceparent;
  const message: CommandMessage = {
    id,
    participant: about.participant,
    type: fence ? FENCE_TYPE : about.type,
    sagaId: state.id,
    sagaName: state.name,
    sagaVersion: state.version,
    sagaKey: state.key ?? undefined,
    step: send.step,
    phase: send.phase,
    attempt,
    execution: command.execution,
    firstSentAt: command.firstSentAt,
    action: send.phase === 'a' ? undefined : actionFacts(state.id, send.step, state.steps[send.step]!),
    traceparent: traceparent ?? undefined,
    tracestate: state.tracestate,
    payloadKey: fence || !about.sensitive ? undefined : plan.ownKey,
    body: send.body ?? textOf(command.request),
    // Twice the gap: one or two copies are alive at any time, never none and never a heap of them.
    expirationMs: 2 * gapMs,
  };
  return { command: message, mostTogether: about.batch ?? 1 };
}

/** The command of the plan in this phase; a fence goes to the participant of the action. */
export function plannedCommand(step: CommandStep | undefined, phase: Phase): PlanCommand | undefined {
  return phase === 'c' ? step?.compensation : step?.action;
}

function commandStep(plan: Plan, name: string): CommandStep | undefined {
  const step = plan.steps.find((candidate) => candidate.name === name);
  return step && step.kind !== 'check' ? step : undefined;
}

/** Milliseconds until the command is sent again, of one that waits for an answer (also a stuck one that is still asked). */
function gapToNext(command: CommandState): number | undefined {
  if (command.status === 'inFlight') return command.gapMs;
  return command.status === 'stuck' && command.resendAt !== undefined ? command.gapMs : undefined;
}

function actionFacts(sagaId: string, name: string, step: StepState): CommandMessage['action'] {
  const action = step.action;
  if (!action) return undefined;
  return {
    id: commandId(sagaId, name, 'a', action.execution),
    outcome: step.outcome === 'succeeded' ? 'success' : 'unknown',
    firstSentAt: action.firstSentAt,
  };
}
