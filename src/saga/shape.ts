import { fnv1a64 } from '../core/hash.js';
import type { Plan, PlanStep } from '../core/plan.js';

/**
 * The shape of a definition, one line for each step under its name: all that a saga in flight relies on. Not in it, so that they may
 * change under the same version: functions, times, retries, limits, and the order of fields where it means nothing.
 */
export function shapeOf(steps: readonly PlanStep[], order: Plan['compensationOrder']): readonly string[] {
  const lines = steps.map((step) => `${step.name}: ${stepShape(step, steps)}`).toSorted();
  return [`${WHOLE}: undone ${order === 'reverse' ? 'in reverse order' : 'by dependency'}`, ...lines];
}

/** Two shapes with the same fingerprint are the same. */
export function fingerprintOf(shape: readonly string[]): string {
  return fnv1a64(shape.join('\n'));
}

/** What was changed between two shapes, a sentence for each step; empty when nothing was. */
export function shapeDifference(before: readonly string[], now: readonly string[]): readonly string[] {
  const [was, is] = [byName(before), byName(now)];
  const names = [...new Set([...was.keys(), ...is.keys()])].toSorted();
  return names.flatMap((name) => {
    const [old, text] = [was.get(name), is.get(name)];
    if (old === text) return [];
    const what = name === WHOLE ? 'the saga' : `'${name}'`;
    if (old === undefined) return [`${what} is new: ${text}`];
    return text === undefined ? [`${what} is gone: ${old}`] : [`${what} was: ${old}; is now: ${text}`];
  });
}

/** Not a step name, so that no step can be called the same. */
const WHOLE = '(saga)';

function stepShape(step: PlanStep, steps: readonly PlanStep[]): string {
  const nameOf = (index: number) => steps[index]!.name;
  const after = directNeeds(step, steps).map(nameOf).toSorted();
  const uses = Object.entries(step.uses).map(([name, index]) => (nameOf(index) === name ? name : `${nameOf(index)} as ${name}`));
  return [
    step.kind === 'check' ? `check ${step.code}` : `${step.kind} ${step.action.type}`,
    ...(step.when ? ['conditional'] : []),
    after.length > 0 ? `after ${after.join(' and ')}` : 'at once',
    ...(uses.length > 0 ? [`uses ${uses.toSorted().join(' and ')}`] : []),
    ...(step.kind === 'step' ? [step.compensation ? `undone by ${step.compensation.type}` : 'nothing to undo'] : []),
  ].join(', ');
}

/** Without those that are waited for anyway, so that an order written out and the same order by default look alike. */
function directNeeds(step: PlanStep, steps: readonly PlanStep[]): readonly number[] {
  return step.needs.filter((need) => !step.needs.some((other) => steps[other]!.ancestors.includes(need)));
}

function byName(shape: readonly string[]): ReadonlyMap<string, string> {
  return new Map(shape.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]));
}
