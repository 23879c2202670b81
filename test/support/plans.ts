import { FOR_EVER } from '../../src/core/plan.js';
import type { CheckStep, CommandStep, Given, Plan, PlanCommand, PlanStep, Reader } from '../../src/core/plan.js';
import { DEFAULTS, type RetryPolicy } from '../../src/core/retry.js';

/** What a hand-made step says; everything else has a plain default. */
export interface StepSpec {
  readonly name: string;
  readonly kind?: 'step' | 'pivot' | 'retriable' | 'check';
  /** Names of the steps it needs; default: everything above. */
  readonly needs?: readonly string[];
  readonly compensate?: boolean;
  readonly inbox?: boolean;
  readonly idempotent?: boolean;
  readonly attempts?: number;
  readonly undoAttempts?: number;
  readonly timeoutMs?: number;
  readonly when?: (given: Given) => boolean;
  readonly passes?: (given: Given) => boolean;
  readonly request?: (given: Given) => unknown;
  readonly undoRequest?: (given: Given) => unknown;
  readonly readReply?: Reader;
  readonly rejections?: readonly string[];
}
export interface PlanSpec {
  readonly steps: readonly StepSpec[];
  readonly deadlineMs?: number;
  readonly compensationOrder?: Plan['compensationOrder'];
}

const anything: Reader = (value) => ({ ok: true, value });

/** A plan without any declaration behind it, for tests of the state machine alone. */
export function planFrom(spec: PlanSpec): Plan {
  const names = spec.steps.map((step) => step.name);
  const steps: PlanStep[] = [];
  spec.steps.forEach((step, index) => {
    const needs = (step.needs ?? names.slice(0, index)).map((name) => names.indexOf(name)).sort((a, b) => a - b);
    const ancestors = [...new Set(needs.flatMap((need) => [need, ...steps[need]!.ancestors]))].sort((a, b) => a - b);
    const uses = Object.fromEntries(needs.map((need) => [names[need]!, need]));
    const placed = { name: step.name, index, needs, ancestors, uses, when: step.when };
    steps.push(step.kind === 'check' ? checkStep(placed, step) : commandStep(placed, step));
  });
  return {
    name: 'test-saga',
    version: 1,
    fingerprint: 'f',
    shape: [],
    deadlineMs: spec.deadlineMs,
    compensationOrder: spec.compensationOrder ?? 'reverse',
    retention: FOR_EVER,
    steps,
    readInput: anything,
    keyOf: undefined,
  } as Plan;
}

type Placed = Pick<PlanStep, 'name' | 'index' | 'needs' | 'ancestors' | 'uses' | 'when'>;
function checkStep(placed: Placed, step: StepSpec): CheckStep {
  return { ...placed, kind: 'check', code: `${step.name}-failed`, passes: step.passes ?? (() => true) };
}
function commandStep(placed: Placed, step: StepSpec): CommandStep {
  const kind = step.kind === 'pivot' || step.kind === 'retriable' ? step.kind : 'step';
  const patient = kind === 'retriable' ? DEFAULTS.undoing : DEFAULTS.doing;
  const undoable = kind === 'step' && step.compensate !== false;
  return {
    ...placed,
    kind,
    action: planCommand(step, `p.${step.name}`, step.request ?? (() => ({ do: step.name })), {
      ...patient,
      attempts: step.attempts ?? patient.attempts,
    }),
    compensation: undoable
      ? planCommand(step, `p.undo${step.name}`, step.undoRequest ?? (() => ({ undo: step.name })), {
          ...DEFAULTS.undoing,
          attempts: step.undoAttempts ?? DEFAULTS.undoing.attempts,
        })
      : undefined,
  };
}
function planCommand(step: StepSpec, type: string, request: (given: Given) => unknown, retry: RetryPolicy): PlanCommand {
  return {
    participant: 'p',
    type,
    inbox: step.inbox ?? true,
    batch: undefined,
    idempotent: step.idempotent ?? false,
    timeoutMs: step.timeoutMs ?? 10_000,
    retry,
    request,
    readRequest: anything,
    readReply: step.readReply ?? anything,
    rejections: step.rejections ?? ['no'],
  };
}
