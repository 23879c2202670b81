import { commandIn } from './attempts.js';
import type { CommandState, Phase, SagaState, StepState } from './state.js';

/** Which side of a step: its action (and what asks for its outcome), or its compensation. */
export type Side = 'doing' | 'undoing';
const PHASES_OF: Readonly<Record<Side, readonly Phase[]>> = { doing: ['a', 'f'], undoing: ['c'] };

/** Where a saga is: the steps that are being worked on or are stuck; none once it has ended. */
export function currentSteps({ end, steps }: SagaState): readonly string[] {
  if (end) return [];
  const isOpen = (at: StepState) => at.outcome === 'open' || at.fault !== undefined || (at.undo !== undefined && at.undone === undefined);
  return Object.keys(steps).filter((name) => isOpen(steps[name]!));
}

/** Whether a command of the step's side has no answer that counts: it is under way, waits for its next try, or is stuck. */
export function isUnanswered(at: StepState | undefined, side: Side): boolean {
  return at !== undefined && unanswered(at, PHASES_OF[side]).length > 0;
}

/** What a saga that turned back did so for, where that has a code: of the rejection, or of the last error before it gave up. */
export function reasonCode({ reason, steps }: SagaState): string | undefined {
  if (reason?.kind === 'rejected') return reason.code;
  return reason?.kind === 'exhausted' ? steps[reason.step]?.action?.lastError?.code : undefined;
}

/** The codes of what went wrong with it: why it turned back, and the last errors of commands that have no answer yet. */
export function errorCodes(state: SagaState): readonly string[] {
  const reason = reasonCode(state);
  const commands = state.end ? [] : Object.values(state.steps).flatMap((at) => unanswered(at, ['a', 'f', 'c']));
  return [...(reason === undefined ? [] : [reason]), ...commands.flatMap(({ lastError }) => lastError?.code ?? [])];
}

function unanswered(at: StepState, phases: readonly Phase[]): readonly CommandState[] {
  return phases.flatMap((phase) => {
    const command = commandIn(at, phase);
    const isOpen = phase === 'c' ? at.undone === undefined : at.outcome === 'open';
    return command && isOpen && command.status !== 'settled' ? [command] : [];
  });
}
