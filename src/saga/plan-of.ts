import { SagaError } from '../core/errors.js';
import { WIRE_NAME, type Plan } from '../core/plan.js';
import { builder } from './commands.js';
import { namedSteps } from './fields.js';
import { makeAlone, type AnyClass } from './instances.js';
import { planSteps } from './plan-steps.js';
import { durationOf, retentionOf } from './policy.js';
import { orderFaults, warningsOf } from './rules.js';
import { sagaOptionsOf, type SagaOptions } from './saga.js';
import { isSchema, readAnything, readerOf } from './schema.js';
import { marksIn } from './sensitive.js';
import { fingerprintOf, shapeOf } from './shape.js';
import { fieldsOf, lookedAt, shown } from './written.js';

/** A definition looked at: its plan if there are no faults. Every text begins with the class and, where it is about one, the field. */
export interface Inspection {
  readonly plan: Plan | undefined;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * The plan of a definition: of an instance, or of a class without dependencies. Freezes the instance. Throws
 * `SAGA_DEFINITION_INVALID` with every fault.
 */
export function planOf(definition: object | AnyClass): Plan {
  const { plan, faults } = typeof definition === 'function' ? inspectClass(definition as AnyClass) : inspect(definition);
  if (plan) return plan;
  throw new SagaError('SAGA_DEFINITION_INVALID', 'the saga is declared wrongly:', faults);
}

function inspectClass(type: AnyClass): Inspection {
  const made = makeAlone(type);
  return made.ok ? inspect(made.instance) : { plan: undefined, faults: [`${type.name}: ${made.fault}`], warnings: [] };
}

/** Everything that loading checks about one definition by itself. */
export function inspect(instance: object): Inspection {
  const className = instance.constructor.name;
  const options = sagaOptionsOf(instance.constructor);
  if (!options) return { plan: undefined, faults: [`${className}: it has no @Saga({ name, version, … })`], warnings: [] };
  const faults: string[] = [];
  const head = lookedAt(() => headOf(options, className, faults), undefined, faults);
  const steps = planSteps(namedSteps(instance, faults), className, faults);
  faults.push(...orderFaults(steps));
  if (faults.length > 0 || !head) return { plan: undefined, faults: faults.map((fault) => className + fault), warnings: [] };
  // A counter kept on the instance would be shared by every saga: writing to it throws, so that the first test finds it.
  Object.freeze(instance);
  const shape = Object.freeze(shapeOf(steps, head.compensationOrder));
  const plan = Object.freeze({ ...head, fingerprint: fingerprintOf(shape), shape, steps: Object.freeze(steps) });
  return { plan, faults, warnings: warningsOf(plan).map((warning) => className + warning) };
}

/** What a start is checked by, without an instance of the class. Throws SAGA_DEFINITION_INVALID with every fault. */
export function startHeadOf(options: SagaOptions, className: string): Pick<Plan, 'name' | 'readInput' | 'keyOf' | 'sensitive'> {
  const faults: string[] = [];
  const head = lookedAt(() => headOf(options, className, faults), undefined, faults);
  if (head && faults.length === 0) return head;
  throw new SagaError(
    'SAGA_DEFINITION_INVALID',
    'the saga is declared wrongly:',
    faults.map((fault) => className + fault),
  );
}

type Head = Omit<Plan, 'steps' | 'shape' | 'fingerprint'>;

const ORDERS: readonly string[] = ['reverse', 'by-dependency'] satisfies readonly Plan['compensationOrder'][];

function headOf(options: SagaOptions, className: string, faults: string[]): Head {
  const own: string[] = [];
  const {
    name,
    version,
    input,
    key,
    subject,
    deadline,
    compensationOrder = 'reverse',
    retention,
    ...unknown
  } = fieldsOf(options, 'what it was given', own) as Partial<SagaOptions>;
  if (typeof name !== 'string' || !WIRE_NAME.test(name))
    own.push(`the name '${shown(name)}' must be letters, digits, '-' and '_', begin with a letter and have at most 100`);
  if (!Number.isSafeInteger(version) || version! < 1) own.push(`the version is ${shown(version)}; it must be a whole number from 1`);
  if (input !== undefined && !isSchema(input)) own.push(`'input' must be a schema (Standard Schema, or typed<…>())`);
  if (key !== undefined && typeof key !== 'function') own.push(`'key' must be a function of the input`);
  if (subject !== undefined && typeof subject !== 'function') own.push(`'subject' must be a function of the input`);
  if (!ORDERS.includes(compensationOrder))
    own.push(`'compensationOrder' is '${shown(compensationOrder)}'; it must be 'reverse' or 'by-dependency'`);
  const deadlineMs = deadline === undefined ? undefined : durationOf(deadline, 0, 'deadline', own);
  const keeping = retentionOf(retention, own);
  const sensitive = marksIn(input, 'input', own);
  for (const option of Object.keys(unknown)) own.push(`there is no option '${shown(option)}'`);
  faults.push(...own.map((fault) => `: @Saga: ${fault}`));
  return {
    name: name!,
    version: version!,
    deadlineMs,
    compensationOrder,
    retention: keeping,
    readInput: isSchema(input) ? readerOf(input, `${className}'s input`) : readAnything,
    keyOf: key && textReader(key as (input: unknown) => unknown, `${className}'s key`),
    ...(subject && { subjectOf: textReader(subject as (input: unknown) => unknown, `${className}'s subject`) }),
    ...(sensitive.length > 0 && { sensitive }),
  };
}

function textReader(written: (input: unknown) => unknown, what: string): (input: unknown) => string {
  const build = builder(written, what);
  return (input) => {
    const text = build(input);
    if (typeof text === 'string' && text !== '') return text;
    throw new TypeError(`${what} gave ${typeof text === 'string' ? 'an empty text' : typeof text}; it must give a text`);
  };
}
