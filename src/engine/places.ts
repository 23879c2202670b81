import type { Plan } from '../core/plan.js';
import type { Place } from '../ports/saga-filter.js';

/** Where sagas of the plans wait for a participant: the sides of steps whose command is one of its. */
export function placesOf(participant: string, plans: readonly Plan[]): readonly Place[] {
  return plans.flatMap(({ name, version, steps }) =>
    steps.flatMap((step): Place[] => {
      if (step.kind === 'check') return [];
      const sides = [
        ...(step.action.participant === participant ? (['doing'] as const) : []),
        ...(step.compensation?.participant === participant ? (['undoing'] as const) : []),
      ];
      return sides.map((side) => ({ name, version, step: step.name, side }));
    }),
  );
}
