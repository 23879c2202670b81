import { flagsOf } from '../kit/flags.js';
import type { Experiment, Form } from './outcome.js';

export interface Wanted {
  readonly form: Form;
  /** Names of experiments; empty: those of the form. */
  readonly only: readonly string[];
  readonly seed: number;
  /** Where plots go; none without. */
  readonly plots: string | undefined;
}

/** Reads the command line; ends the process with 2 and every fault when it is wrong. */
export function readWanted(experiments: readonly Experiment[]): Wanted {
  const names = experiments.map(({ name }) => name);
  const namesIn = (text: string | undefined) => (text ?? '').split(',').flatMap((name) => name.trim() || []);
  const { ci, long, only, seed, plots } = flagsOf(
    'failover',
    { ci: false, long: false, only: undefined, seed: 1, plots: undefined },
    (values) => [
      ...(values.ci && values.long ? ['--ci and --long exclude each other'] : []),
      ...(Number.isInteger(values.seed) ? [] : [`--seed is ${values.seed}; it must be a whole number`]),
      ...namesIn(values.only).flatMap((name) => (names.includes(name) ? [] : [`--only ${name}: the experiments are ${names.join(', ')}`])),
    ],
  );
  return { form: ci ? 'ci' : long ? 'long' : 'short', only: namesIn(only), seed, plots };
}
