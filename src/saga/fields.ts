import { STEP_NAME } from '../core/plan.js';
import { isStep, stepsMadeBy, type WrittenStep } from './definition.js';
import { termsOf } from './contract.js';
import { shown } from './written.js';

/** A step under the name of the field that holds it. */
export interface NamedStep {
  readonly name: string;
  readonly index: number;
  readonly written: WrittenStep;
}

/**
 * The steps of an instance: its own fields that hold a step which this instance made, in the order of making. Everything that a field
 * cannot tell is a fault: a step without a field would otherwise be silently left out of the saga.
 */
export function namedSteps(instance: object, faults: string[]): readonly NamedStep[] {
  const made = stepsMadeBy(instance);
  const names = new Map<WrittenStep, string>();
  for (const [field, value] of Object.entries(instance)) {
    if (!isStep(value)) continue;
    const other = names.get(value);
    if (!made.includes(value)) faults.push(`.${shown(field)}: it holds a step of another definition; make it with this.${value.kind}(…)`);
    else if (other !== undefined) faults.push(`.${shown(field)}: it holds the same step as '${other}'; a step has one name`);
    else {
      names.set(value, field);
      if (!STEP_NAME.test(field))
        faults.push(`.${shown(field)}: a step's name must be letters and digits, begin with a letter and have at most 64`);
      // A saga's state holds its steps by name; one of these would seem to be there before it began.
      if (field in Object.prototype) faults.push(`.${shown(field)}: every object has something of this name; call the step something else`);
    }
  }
  if (made.length === 0) faults.push(': it has no steps; declare them as fields, such as charge = this.step(…)');
  faults.push(...made.flatMap((step, at) => (names.has(step) ? [] : [orphan(step, at, made, names)])));
  return made.filter((step) => names.has(step)).map((written, index) => ({ name: names.get(written)!, index, written }));
}

function orphan(step: WrittenStep, at: number, made: readonly WrittenStep[], names: ReadonlyMap<WrittenStep, string>): string {
  const what =
    step.kind === 'check' ? `the check '${shown(step.code)}'` : `the ${step.kind} of ${termsOf(step.command)?.type ?? 'no command'}`;
  const before = made.slice(0, at).findLast((other) => names.has(other));
  const place = before ? `declared after '${names.get(before)}'` : 'declared first';
  return `: no field holds ${what}, ${place}; it is in a #private field (write private instead), in one that a subclass declares again, or in none`;
}
