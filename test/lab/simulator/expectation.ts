import { ancestorsOf, isForever, needsOf, type SagaScript, type SagaShape, type StepScript, type StepShape } from './random-sagas.js';

export type End = 'completed' | 'compensated' | 'stuck';
/** What may become of a saga, told from its script alone: nothing of the engine is asked. */
export interface Expectation {
  readonly ends: ReadonlySet<End>;
  /** Whatever goes wrong on the way, it ends like this. */
  readonly isUnique: boolean;
}

/** `pass`: done or skipped. `fail`: turns the saga back. `block`: waits for a person. */
type Result = 'pass' | 'fail' | 'block';

/** Beyond so many combinations nothing is predicted, which no drawn saga reaches. */
const MOST_COMBINATIONS = 4_096;

/** The ends that a saga may come to. `mayBeCancelled`: somebody tried to. */
export function expect(shape: SagaShape, script: SagaScript, mayBeCancelled: boolean): Expectation {
  const results = shape.steps.map((step) => resultsOf(shape, step, script.steps[step.name]!));
  const ends = new Set<End>();
  for (const combination of combinationsOf(results)) for (const end of endsOf(shape, script, combination)) ends.add(end);
  if (mayBeCancelled || shape.deadlineMs !== undefined) {
    for (const end of turnedBack(shape, script, [], () => true)) ends.add(end);
    // It may come while the pivot is under way, of which nobody can then say what became of it.
    if (shape.steps.some((step) => step.kind === 'pivot' && !canBeFenced(step))) ends.add('stuck');
  }
  return { ends, isUnique: ends.size === 1 && shape.isPatient && !mayBeCancelled };
}

/** Nobody can say what became of one without an inbox, or whose effect is outside and was begun. */
function canBeFenced(step: StepShape): boolean {
  return (step.participant === 'alpha' || step.participant === 'beta') && step.command !== 'call';
}

function combinationsOf(results: readonly (readonly Result[])[]): Result[][] {
  let all: Result[][] = [[]];
  for (const each of results) {
    all = all.flatMap((begun) => each.map((result) => [...begun, result]));
    if (all.length > MOST_COMBINATIONS) throw new Error('too many combinations to predict');
  }
  return all;
}

function resultsOf(shape: SagaShape, step: StepShape, script: StepScript): readonly Result[] {
  if (step.hasWhen && !script.when) return ['pass'];
  const { fate } = script;
  if (fate === 'builder-throws') return ['block'];
  if (step.kind === 'check') return [fate === 'fails-check' ? 'fail' : 'pass'];
  if (step.kind === 'retriable') {
    if (['errors', 'mute', 'unusable'].includes(fate)) return ['block'];
    return step.participant === 'raw' ? ['pass', 'block'] : ['pass'];
  }
  const isPivot = step.kind === 'pivot';
  const hasInbox = step.participant === 'alpha' || step.participant === 'beta';
  const inTime: readonly Result[] = shape.isPatient && step.participant !== 'raw' && script.errors < step.attempts ? [] : ['fail'];
  const unknown: Result = isPivot && !canBeFenced(step) ? 'block' : 'fail';
  switch (fate) {
    case 'rejects':
      return unknown === 'block' && (!hasInbox || !shape.isPatient) ? ['fail', 'block'] : ['fail'];
    case 'errors':
    case 'mute':
      // A command that never came, and has no time to come again, is fenced off like any other.
      return unknown === 'block' && hasInbox && !shape.isPatient ? ['fail', 'block'] : [unknown];
    case 'unusable':
      if (isPivot) return ['block', 'fail'];
      return ['fail'];
    case 'contradicts':
      return isPivot ? ['pass', 'fail', 'block'] : ['pass', 'fail'];
    case 'succeeds':
    case 'twice':
      return ['pass', ...inTime, ...(inTime.length > 0 && unknown === 'block' ? (['block'] as const) : [])];
    default:
      return ['pass'];
  }
}

/** One combination of what the steps do, played out. */
function endsOf(shape: SagaShape, script: SagaScript, results: readonly Result[]): readonly End[] {
  const reached: boolean[] = [];
  shape.steps.forEach((_, index) => {
    reached[index] = needsOf(shape, index).every((need) => reached[need] && results[need] === 'pass');
  });
  const failed = shape.steps.map((_, index) => index).filter((index) => reached[index] && results[index] === 'fail');
  if (failed.length > 0) return turnedBack(shape, script, failed, (index) => reached[index]!);
  return shape.steps.some((_, index) => reached[index] && results[index] === 'block') ? ['stuck'] : ['completed'];
}

/** Everything that was done is undone, unless that gets stuck. */
function turnedBack(
  shape: SagaShape,
  script: SagaScript,
  failed: readonly number[],
  mayBeReached: (index: number) => boolean,
): readonly End[] {
  let mayBeStuck = false;
  let mustBeStuck = false;
  shape.steps.forEach((step, index) => {
    const { undoErrors, undoBuilderThrows, when } = script.steps[step.name]!;
    if (step.undo === undefined || !mayBeReached(index) || (step.hasWhen && !when)) return;
    // A commit whose fate is unknown makes a handler run twice in one attempt: errors that are counted may be over sooner.
    const surely = isForever(undoErrors) || undoBuilderThrows;
    const never = surely || undoErrors >= step.undoAttempts;
    // A few tries may be used up by faults alone.
    if (!never && step.undoAttempts >= 10) return;
    mayBeStuck = true;
    if (surely && failed.length > 0 && failed.every((each) => ancestorsOf(shape, each).has(index))) mustBeStuck = true;
  });
  if (mustBeStuck) return ['stuck'];
  return mayBeStuck ? ['compensated', 'stuck'] : ['compensated'];
}
