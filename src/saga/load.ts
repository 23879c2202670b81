import type { Container } from 'inversify';
import { SagaError } from '../core/errors.js';
import type { Plan } from '../core/plan.js';
import type { SagaClass } from './definition.js';
import { groupBy } from './group-by.js';
import { makeIn } from './instances.js';
import { inspect } from './plan-of.js';
import { sagaOptionsOf } from './saga.js';
import { shown } from './written.js';

/** Definitions that passed every check. */
export interface LoadedDefinitions {
  readonly plans: readonly Plan[];
  /** What is allowed and still worth telling, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Makes one instance of each class with what the container binds, and its plan. Throws `SAGA_DEFINITION_INVALID` with the faults of
 * all classes at once.
 */
export function loadDefinitions(container: Container, classes: Iterable<SagaClass>): LoadedDefinitions {
  const types = [...new Set(classes)];
  const inspected = types.map((type) => {
    const made = makeIn(container, type);
    return made.ok ? inspect(made.instance) : { plan: undefined, faults: [`${type.name}: ${made.fault}`], warnings: [] };
  });
  const plans = inspected.flatMap(({ plan }) => plan ?? []);
  const faults = [...inspected.flatMap((one) => one.faults), ...duplicateFaults(types), ...contractFaults(plans)];
  if (faults.length > 0) throw new SagaError('SAGA_DEFINITION_INVALID', 'the sagas are declared wrongly:', faults);
  return { plans, warnings: inspected.flatMap(({ warnings }) => warnings) };
}

function duplicateFaults(types: readonly SagaClass[]): string[] {
  const declared = types.filter((type) => sagaOptionsOf(type) !== undefined);
  const groups = groupBy(declared, (type) => `'${shown(sagaOptionsOf(type)!.name)}' version ${shown(sagaOptionsOf(type)!.version)}`);
  return [...groups].flatMap(([what, of]) =>
    of.length > 1
      ? [`${of.map((type) => type.name).join(' and ')}: each declares the saga ${what}; another shape needs another version`]
      : [],
  );
}

/** Two contracts of one participant may list different commands, but they describe one queue and one inbox. */
function contractFaults(plans: readonly Plan[]): string[] {
  const commands = plans.flatMap((plan) =>
    plan.steps.flatMap((step) => (step.kind === 'check' ? [] : [step.action, ...(step.compensation ? [step.compensation] : [])])),
  );
  return [...groupBy(commands, (command) => command.participant)].flatMap(([participant, of]) =>
    new Set(of.map(({ inbox, batch }) => `${inbox} ${batch}`)).size > 1
      ? [`the participant '${participant}' is declared by contracts with different options ('inbox' or 'batch'); they must be the same`]
      : [],
  );
}
