import type { Decision, SagaEvent } from './event.js';
import type { Plan } from './plan.js';
import type { SagaState } from './state.js';

/** What a saga is started with. */
export interface Beginning {
  readonly id: string;
  readonly key: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /** As read by the plan's schema. */
  readonly input: unknown;
}
export declare function begin(plan: Plan, beginning: Beginning, now: number): Decision;
export declare function decide(plan: Plan, state: SagaState, event: SagaEvent, now: number): Decision;
/** The first instant at which a timer of the saga is due; `null`: nothing to wait for. */
export declare function nextDue(state: SagaState): number | null;
