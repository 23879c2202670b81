import { WIRE_NAME, type CheckStep, type CommandStep, type Given, type PlanStep } from '../core/plan.js';
import { DEFAULTS } from '../core/retry.js';
import { planCommand, predicate, type WrittenCommand } from './commands.js';
import { RESERVED_CODES, termsOf } from './contract.js';
import { isStep, type WrittenStep } from './definition.js';
import type { NamedStep } from './fields.js';
import { RESERVED_NAMES } from './step.js';
import { fieldsOf, lookedAt, shown } from './written.js';

/** The options that each kind knows. */
const OPTIONS: Readonly<Record<WrittenStep['kind'], readonly string[]>> = {
  step: ['after', 'uses', 'when', 'timeout', 'retry', 'request', 'compensate'],
  pivot: ['after', 'uses', 'timeout', 'retry', 'request'],
  retriable: ['after', 'uses', 'when', 'timeout', 'retry', 'request'],
  check: ['after', 'uses', 'when', 'passes'],
};

/**
 * The steps as the plan has them; faults are `.field: what`. A step with faults is there as far as it can be told, so that the shape
 * is checked too and one mistake does not hide the next.
 */
export function planSteps(named: readonly NamedStep[], className: string, faults: string[]): readonly PlanStep[] {
  const indexes = new Map(named.map(({ written, index }) => [written, index]));
  const steps: PlanStep[] = [];
  for (const step of named) {
    const own: string[] = [];
    const around = { indexes, above: steps, where: `${className}.${step.name}` };
    steps.push(lookedAt(() => planStep(step, around, own), unreadable(step), own));
    faults.push(...own.map((fault) => `.${step.name}: ${fault}`));
  }
  return steps;
}

/** In the place of a step that cannot be read; only its fault is used. */
function unreadable({ name, index }: NamedStep): CheckStep {
  return { name, index, needs: [], ancestors: [], uses: {}, when: undefined, kind: 'check', code: '', passes: () => true };
}

interface Surroundings {
  readonly indexes: ReadonlyMap<WrittenStep, number>;
  readonly above: readonly PlanStep[];
  readonly where: string;
}

function planStep({ name, index, written }: NamedStep, around: Surroundings, faults: string[]): PlanStep {
  const { kind } = written;
  const options = fieldsOf(written.options, 'what says the rest', faults);
  for (const option of Object.keys(options))
    if (!OPTIONS[kind].includes(option)) faults.push(`a ${kind} has no option '${shown(option)}'; it knows ${OPTIONS[kind].join(', ')}`);
  const uses = usesOf(options['uses'], around, faults);
  const needs = needsOf(options, uses, index, around, faults);
  const ancestors = [...new Set(needs.flatMap((need) => [need, ...around.above[need]!.ancestors]))].sort(ascending);
  const placed = { name, index, needs, ancestors, uses, when: whenOf(options['when'], around.where, faults) };
  return Object.freeze(
    kind === 'check'
      ? checkOf(placed, { ...written, options }, around.where, faults)
      : commandOf(placed, kind, { ...written, options }, around.where, faults),
  );
}

type PlacedStep = Omit<CheckStep, 'kind' | 'code' | 'passes'>;

function checkOf(placed: PlacedStep, { code, options }: WrittenStep, where: string, faults: string[]): CheckStep {
  if (typeof code !== 'string' || !WIRE_NAME.test(code))
    faults.push(`the code '${shown(code)}' must be letters, digits, '-' and '_', and begin with a letter`);
  else if (RESERVED_CODES.includes(code)) faults.push(`the code '${code}' is reserved for the protocol; choose another`);
  if (typeof options['passes'] !== 'function') faults.push(`'passes' must be a function that gives true or false`);
  const passes = predicate(options['passes'] as (given: Given) => unknown, `${where}'s passes`);
  return { ...placed, kind: 'check', code: shown(code), passes };
}

function commandOf(
  placed: PlacedStep,
  kind: CommandStep['kind'],
  { command, options }: WrittenStep,
  where: string,
  faults: string[],
): CommandStep {
  const written = { ...options, command } as unknown as WrittenCommand;
  const action = planCommand(written, kind === 'retriable' ? DEFAULTS.undoing : DEFAULTS.doing, where, faults);
  if (kind === 'retriable' && action && action.rejections.length > 0)
    faults.push(
      `it must succeed in the end, but '${action.type}' may be rejected (${action.rejections.join(', ')}); use a command without rejections`,
    );
  const compensation = kind === 'step' ? compensationOf(options['compensate'], where, faults) : undefined;
  // Only the shape is read of a step that has faults, and nothing of its command.
  return { ...placed, kind, action: action!, compensation };
}

function compensationOf(written: unknown, where: string, faults: string[]): CommandStep['compensation'] {
  if (written === 'none') return undefined;
  if (typeof written !== 'object' || written === null) {
    faults.push(`'compensate' must say what undoes it: { command, request }, or 'none' if there is nothing to undo`);
    return undefined;
  }
  const own: string[] = [];
  for (const option of Object.keys(written))
    if (!['command', 'request', 'timeout', 'retry'].includes(option))
      own.push(`there is no option '${shown(option)}'; it knows command, request, timeout, retry`);
  const planned = planCommand(written as WrittenCommand, DEFAULTS.undoing, `${where}'s compensation`, own);
  const codes = termsOf(planned && (written as WrittenCommand).command)?.rejections ?? [];
  if (codes.length > 0)
    own.push(`it cannot say no, but '${planned!.type}' may be rejected (${codes.join(', ')}); use a command without rejections`);
  faults.push(...own.map((fault) => `compensate: ${fault}`));
  return planned;
}

function whenOf(written: unknown, where: string, faults: string[]): PlanStep['when'] {
  if (written === undefined) return undefined;
  if (typeof written === 'function') return predicate(written as (given: Given) => unknown, `${where}'s when`);
  faults.push(`'when' must be a function that gives true or false`);
  return undefined;
}

function usesOf(written: unknown, around: Surroundings, faults: string[]): Readonly<Record<string, number>> {
  const uses: Record<string, number> = {};
  if (written === undefined) return uses;
  for (const [name, step] of Object.entries(fieldsOf(written, `'uses'`, faults))) {
    if (RESERVED_NAMES.includes(name)) faults.push(`the name '${name}' in 'uses' is taken (${RESERVED_NAMES.join(', ')}); choose another`);
    const index = indexOf(step, `uses.${name}`, around, faults);
    if (index !== undefined) uses[name] = index;
  }
  return Object.freeze(uses);
}

/** `after`, or everything above where it is not written; and the steps it uses in any case. */
function needsOf(
  options: WrittenStep['options'],
  uses: Readonly<Record<string, number>>,
  index: number,
  around: Surroundings,
  faults: string[],
): readonly number[] {
  // Not `undefined`: that is what a field declared below reads as, and would silently become the default.
  if (!('after' in options)) return Array.from({ length: index }, (_, above) => above);
  const after = options['after'];
  const written: readonly unknown[] = Array.isArray(after) ? after : [after];
  const needs = written.flatMap((step) => indexOf(step, 'after', around, faults) ?? []);
  return [...new Set([...needs, ...Object.values(uses)])].sort(ascending);
}

function indexOf(step: unknown, what: string, { indexes, above }: Surroundings, faults: string[]): number | undefined {
  if (!isStep(step)) {
    faults.push(`'${what}' is ${step === undefined ? 'undefined' : 'not a step'}; name a step of this saga that is declared above`);
    return undefined;
  }
  const index = indexes.get(step);
  if (index === undefined) faults.push(`'${what}' names a step that no field of this saga holds`);
  return index !== undefined && index < above.length ? index : undefined;
}

function ascending(a: number, b: number): number {
  return a - b;
}
