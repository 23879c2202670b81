import { SpanKind, type Attributes } from '@opentelemetry/api';
import { PHASE_NAMES, type CommandState, type Phase, type Reason, type SagaState, type StepState } from '../core/state.js';
import { FENCE_TYPE, type Names } from '../core/wire.js';
import { plannedCommand } from '../engine/command-message.js';
import type { SagaChange } from '../engine/tracing.js';
import type { Transport } from '../ports/transport.js';
import { short, type PastSpan } from './spans.js';

// Attributes are names of what was declared, ids, numbers and words of ours: never a key, a tag, a message or anything of a payload.

/** A saga that has ended, from its start. */
export function sagaSpan(saga: SagaState): PastSpan {
  const { id, name, startedAt, endedAt, eventAt, end, reason } = saga;
  const outcome = end === null ? {} : { 'backstep.saga.outcome': end };
  const because = reason && end === 'compensated' ? { 'backstep.saga.reason': reason.kind, ...stepOf(reason) } : {};
  return {
    name,
    kind: SpanKind.INTERNAL,
    from: startedAt,
    to: endedAt ?? eventAt,
    attributes: { 'backstep.saga.id': id, 'backstep.saga.name': name, 'backstep.saga.version': saga.version, ...outcome, ...because },
    error: end === 'compensated' && reason ? errorOf(reason) : undefined,
  };
}

/** A step's action from its first send to its outcome, or its compensation; `undefined` for a step that sent nothing. */
export function stepSpan({ after }: SagaChange, step: string, phase: 'a' | 'c'): PastSpan | undefined {
  const at = after.steps[step]!;
  const command = phase === 'a' ? at.action : at.undo;
  if (!command) return undefined;
  const outcome = phase === 'a' ? at.outcome : at.undone!;
  const error = phase === 'a' && outcome !== 'succeeded' ? (at.code ?? command.lastError?.code ?? outcome) : undefined;
  return {
    name: phase === 'a' ? step : `undo ${step}`,
    kind: SpanKind.INTERNAL,
    from: phase === 'a' ? at.startedAt : command.firstSentAt,
    to: (phase === 'a' ? at.settledAt : at.undoneAt) ?? after.eventAt,
    attributes: {
      'backstep.saga.id': after.id,
      'backstep.saga.name': after.name,
      'backstep.step': step,
      'backstep.phase': PHASE_NAMES[phase],
      'backstep.outcome': outcome,
      'backstep.tries': command.tries,
    },
    error,
  };
}

/** An attempt that is over: from its send to its answer, or to when nobody waited for it any longer. */
export function attemptSpan(about: {
  readonly change: SagaChange;
  readonly step: string;
  readonly phase: Phase;
  /** Of the command. */
  readonly id: string;
  readonly names: Names;
  readonly transport: Pick<Transport, 'system'>;
}): PastSpan {
  const { change, step, phase, id, names, transport } = about;
  const { plan, before, after } = change;
  const then = commandOf(before!.steps[step]!, phase)!;
  const planned = plannedCommand(commandStep(change, step), phase);
  const participant = planned?.participant ?? '';
  const type = phase === 'f' ? FENCE_TYPE : (planned?.type ?? plan.name);
  const outcome = outcomeOf(change, step, phase);
  return {
    name: `send ${type}`,
    kind: SpanKind.PRODUCER,
    from: then.status === 'inFlight' ? then.sentAt : then.firstSentAt,
    to: after.eventAt,
    // Written out: there are several for every saga, and objects that are put together of others cost more than all else that is done here.
    attributes: {
      'backstep.saga.id': after.id,
      'backstep.saga.name': after.name,
      'backstep.step': step,
      'backstep.phase': PHASE_NAMES[phase],
      'messaging.system': transport.system ?? UNNAMED_SYSTEM,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': `${names.commandExchange}:${participant}`,
      'messaging.message.id': id,
      'messaging.message.conversation_id': after.id,
      'messaging.rabbitmq.destination.routing_key': participant,
      'backstep.command.type': type,
      'backstep.attempt': then.attempt,
      'backstep.execution': then.execution,
      'backstep.outcome': outcome.name,
    },
    error: outcome.error,
  };
}

/** Of a transport that does not say what it is. */
export const UNNAMED_SYSTEM = 'backstep';

/** How an attempt ended: as the participant answered, by the clock, or by hand. */
function outcomeOf({ after, history }: SagaChange, step: string, phase: Phase): { readonly name: string; readonly error?: string } {
  const at = after.steps[step]!;
  const command = commandOf(at, phase);
  const last = history.findLast((entry) => entry.step === step && (entry.phase ?? 'a') === phase && ENDS.has(entry.event));
  if (last?.event === 'timed-out') return { name: 'timeout', error: 'timeout' };
  if (last?.event === 'settled-by-hand') return { name: 'by-hand' };
  const name = last?.outcome ?? (phase === 'a' ? at.outcome : 'given-up');
  if (name === 'success') return { name };
  return { name, error: last?.code ?? at.code ?? command?.lastError?.code ?? name };
}
const ENDS: ReadonlySet<string> = new Set(['replied', 'timed-out', 'settled-by-hand']);

function commandOf(at: StepState, phase: Phase): CommandState | undefined {
  return phase === 'a' ? at.action : phase === 'c' ? at.undo : at.fence;
}
function commandStep({ plan }: SagaChange, name: string) {
  const step = plan.steps.find((candidate) => candidate.name === name);
  return step && step.kind !== 'check' ? step : undefined;
}

function stepOf(reason: Reason): Attributes {
  return 'step' in reason ? { 'backstep.saga.failed_step': reason.step } : {};
}
function errorOf(reason: Reason): string {
  return reason.kind === 'rejected' ? short(reason.code) : reason.kind;
}
