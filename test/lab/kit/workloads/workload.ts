import type { Chance } from '../chance.js';

/** One saga to start: the definition's name and the input. */
export interface Start {
  readonly saga: string;
  readonly input: unknown;
}
/** `either`: chance decides (who was first, how slow it was), both are right. */
export type ExpectedEnd = 'completed' | 'compensated' | 'either' | 'stuck';

export interface InputOptions {
  /** Some sagas are scripted to end stuck. Default false. */
  readonly stuck?: boolean;
  /** Handlers' times are multiplied by it. Default 0.1: what is written as 0 to 30 s takes 0 to 3 s. */
  readonly factor?: number;
}

/** What experiments and the checker know of a workload: no engine code, and nothing that looks at a run. */
export interface Workload {
  /** Also its folder. */
  readonly name: string;
  readonly sagas: readonly string[];
  readonly participants: readonly string[];
  /** The same chance gives the same inputs. */
  inputs(chance: Chance, count: number, options?: InputOptions): readonly Start[];
  /** How it has to end; follows from the input alone. */
  expectedEnd(start: Start): ExpectedEnd;
  /** Steps whose `when` says no to this input. */
  skipped(start: Start): readonly string[];
}

/** What a scripted handler is told to do; travels in the saga's input. */
export interface Script {
  /** It says no, by the rules of the business. */
  readonly reject?: boolean;
  /** The first so many attempts throw, after they have written: the rollback has to take it away. */
  readonly errors?: number;
  /** It takes so long before it writes. */
  readonly delayMs?: number;
  /** The first so many attempts of the compensation throw. */
  readonly undoErrors?: number;
}
