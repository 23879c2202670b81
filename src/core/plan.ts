import type { RetryPolicy } from './retry.js';
import { NO_KEYS, type Mark, type Sealing, type SensitiveParts, type Vault } from './sealing.js';

/** What a definition becomes when it is loaded: plain data and pure functions, all that {@link decide} ever sees of it. */
export interface Plan {
  /** The name on the wire, e.g. `place-order`. */
  readonly name: string;
  readonly version: number;
  /** Changes when the shape changes (design: names, kinds, edges, uses, commands, presence of `when`), not with functions or times. */
  readonly fingerprint: string;
  /** What the fingerprint is made of, for people: a line for each step. */
  readonly shape: readonly string[];
  /** From the start; acts only before the pivot has succeeded. */
  readonly deadlineMs: number | undefined;
  readonly compensationOrder: 'reverse' | 'by-dependency';
  /** Of its sagas, once they have ended. */
  readonly retention: Retention;
  /** In declaration order; an edge always points upwards in this list, so that the graph is acyclic by construction. */
  readonly steps: readonly PlanStep[];
  /** Checks and reads what a saga is started with. */
  readonly readInput: Reader;
  /** The business key of a saga, where it follows from the input (as read). */
  readonly keyOf: ((input: unknown) => string) | undefined;
  /** What of the input is sensitive; absent: nothing. */
  readonly sensitive?: readonly Mark[];
  /** Whose data a saga holds: its key can be shredded with that of all others about the same. */
  readonly subjectOf?: (input: unknown) => string;
  /** Seals what is sensitive; absent where there are no keys. */
  readonly sealing?: Sealing;
  /** Of the one saga that the plan was made for by {@link planFor}: goes with its commands. */
  readonly ownKey?: string;
}

/** How long sagas are kept after they have ended, at least; `null`: for ever. */
export interface Retention {
  readonly completedMs: number | null;
  readonly compensatedMs: number | null;
}
export const FOR_EVER: Retention = Object.freeze({ completedMs: null, compensatedMs: null });

/** Checks a value against a schema and gives what the reader sees. Synchronous; a schema that is not gives a fault. */
export type Reader = (value: unknown) => Reading;
export type Reading = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly faults: readonly string[] };

export type PlanStep = CommandStep | CheckStep;
/** `local`, `sleep`, `signal` and `child` will be further kinds of this union. */
export type StepKind = PlanStep['kind'];

interface Placed {
  /** The field's name. */
  readonly name: string;
  /** Place in `plan.steps`. */
  readonly index: number;
  /** Steps that must have succeeded or been skipped before: `after` (or its default) and `uses` together, ascending. */
  readonly needs: readonly number[];
  /** Every step upstream, transitively, ascending. */
  readonly ancestors: readonly number[];
  /** Replies the functions read: argument name → step index. */
  readonly uses: Readonly<Record<string, number>>;
  /** Skipped when false. */
  readonly when: ((given: Given) => boolean) | undefined;
}
export interface CommandStep extends Placed {
  readonly kind: 'step' | 'pivot' | 'retriable';
  readonly action: PlanCommand;
  /** `undefined`: nothing to undo (`compensate: 'none'`, pivot, retriable). */
  readonly compensation: PlanCommand | undefined;
}
export interface CheckStep extends Placed {
  readonly kind: 'check';
  /** What it compensates with when it does not pass. */
  readonly code: string;
  readonly passes: (given: Given) => boolean;
}

/** One command of a step with everything that sending it and reading its reply takes. */
export interface PlanCommand {
  readonly participant: string;
  /** `<participant>.<command>`: the message's `type`. */
  readonly type: string;
  /** False: the participant keeps no inbox, so it cannot be fenced, and its `rejected` proves nothing by itself (protocol.md 12). */
  readonly inbox: boolean;
  /** The participant takes up to this many commands in one message; `undefined`: one command per message. */
  readonly batch: number | undefined;
  /** Every copy gets the first answer, so that `rejected` is proof also without an inbox. */
  readonly idempotent: boolean;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** Builds the request from what the step may read. Synchronous, pure; may throw (the step is then stuck). */
  readonly request: (given: Given) => unknown;
  /** Checks what `request` built against the contract; the value sent is the one built. */
  readonly readRequest: Reader;
  readonly readReply: Reader;
  /** Business codes the command may be rejected with. */
  readonly rejections: readonly string[];
  /** Absent: nothing. */
  readonly sensitive?: SensitiveParts;
}

/** The argument of a step's functions: `input`, `saga`, the replies it uses by name, and `own` in compensations. Deeply frozen. */
export type Given = { readonly input: unknown; readonly saga: SagaFacts; readonly [name: string]: unknown };
export interface SagaFacts {
  readonly id: string;
  readonly key: string | undefined;
  readonly name: string;
  readonly version: number;
  /** ISO 8601. */
  readonly startedAt: string;
}
/** The action that a compensation undoes. */
export interface OwnAction {
  readonly request: unknown;
  /** `undefined` when the action's outcome is unknown. */
  readonly reply: unknown;
  readonly commandId: string;
}

/** Step names: they are part of command ids, so no dot and bounded. */
export const STEP_NAME = /^[A-Za-z][A-Za-z0-9]{0,63}$/;
/** Names of sagas and participants on the wire. */
export const WIRE_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,99}$/;

export function pivotOf(plan: Plan): CommandStep | undefined {
  return plan.steps.find((step): step is CommandStep => step.kind === 'pivot');
}

/** What seals and opens the values of a saga. */
export function vaultOf({ sealing }: Plan, sagaId: string): Vault {
  return sealing?.(sagaId) ?? NO_KEYS;
}
/** Whether anything in the sagas of a plan is marked as sensitive. */
export function hasSensitiveParts({ sensitive, steps }: Plan): boolean {
  const isMarked = (command: PlanCommand | undefined) => command?.sensitive !== undefined;
  return sensitive !== undefined || steps.some((step) => step.kind !== 'check' && (isMarked(step.action) || isMarked(step.compensation)));
}
/** The plan as it is for one saga, whose own key is given; see {@link Sealing}. */
export function planFor(plan: Plan, ownKey: string | null | undefined): Plan {
  const { sealing } = plan;
  if (!sealing || ownKey === undefined) return plan;
  return { ...plan, sealing: (sagaId) => sealing(sagaId, ownKey), ...(ownKey !== null && { ownKey }) };
}
