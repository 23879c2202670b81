import { commandIn } from './attempts.js';
import { fnv1a64 } from './hash.js';
import { stuckSteps, type Phase, type SagaState } from './state.js';

/** What one stuck step is stuck for, such that the same trouble of another saga gives the same. */
export interface StuckFailure {
  readonly name: string;
  readonly step: string;
  readonly phase: Phase;
  /** Of the last answer; `null`: it had none, or there was no answer. */
  readonly code: string | null;
  /** The last answer, or what went wrong without one; numbers and identities in it are written as `…`. */
  readonly message: string;
}

/** What the saga's stuck steps are stuck for, and since when. */
export function failuresOf(state: SagaState): readonly (StuckFailure & { readonly since: number })[] {
  return stuckSteps(state).map(({ step, phase, message }) => {
    const at = state.steps[step]!;
    const command = at.fault ? undefined : commandIn(at, phase);
    const { code = null, message: last = message } = (at.unusable === undefined && command?.lastError) || {};
    const since = command?.status === 'stuck' ? command.since : at.startedAt;
    return { name: state.name, step, phase, code, message: normalised(last), since };
  });
}

/** Names a failure in a few characters; the same for the same failure wherever and whenever it is computed. */
export function failureId({ name, step, phase, code, message }: StuckFailure): string {
  return fnv1a64(JSON.stringify([name, step, phase, code, message]));
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;
const HEX = /\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi;
// Names that end in a number (`orders2`, `o-17`) are identities too; a number stands for any.
const NUMBER = /[0-9]+(?:[.:,][0-9]+)*/g;
const LONGEST = 300;

/** A message without what differs from saga to saga, so that equal troubles can be counted together. */
export function normalised(message: string): string {
  const text = message.replace(UUID, '…').replace(HEX, '…').replace(NUMBER, '…').replace(/\s+/g, ' ').trim();
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1).toWellFormed()}…`;
}
