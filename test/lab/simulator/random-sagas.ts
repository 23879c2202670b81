import type { Duration } from '../../../src/core/duration.js';
import type { Plan } from '../../../src/core/plan.js';
import { SagaDefinition } from '../../../src/saga/definition.js';
import { planOf } from '../../../src/saga/plan-of.js';
import { Saga } from '../../../src/saga/saga.js';
import type { Chance } from '../kit/chance.js';
import {
  CONTRACTS,
  type ActionName,
  type Answered,
  type Asked,
  type FinishName,
  type ParticipantName,
  type UndoName,
} from './participants.js';

/** A step as it was drawn. */
export interface StepShape {
  readonly name: string;
  readonly kind: 'step' | 'pivot' | 'retriable' | 'check';
  /** Indexes; `undefined`: everything above. */
  readonly after: readonly number[] | undefined;
  readonly uses: readonly number[];
  readonly hasWhen: boolean;
  readonly participant: ParticipantName;
  readonly command: ActionName | FinishName;
  readonly undo: UndoName | undefined;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly undoAttempts: number;
}
export interface SagaShape {
  readonly name: string;
  readonly version: number;
  readonly steps: readonly StepShape[];
  readonly deadlineMs: number | undefined;
  readonly order: 'reverse' | 'by-dependency';
  readonly hasKey: boolean;
  /** No fault lasts as long as its timeouts: what its script says is what becomes of it. */
  readonly isPatient: boolean;
}

/** What a step does in one saga. */
export interface StepScript {
  readonly when: boolean;
  readonly fate:
    | 'succeeds'
    | 'rejects'
    | 'errors'
    /** Raw participants only, from here. */
    | 'mute'
    | 'unusable'
    | 'twice'
    | 'contradicts'
    /** Of the definition. */
    | 'builder-throws'
    | 'fails-check';
  /** Before it gets as far as its fate. */
  readonly errors: number;
  readonly takesMs: number;
  readonly undoErrors: number;
  readonly undoTakesMs: number;
  readonly undoBuilderThrows: boolean;
}
export interface SagaScript {
  readonly n: number;
  readonly shape: number;
  readonly startAt: number;
  /** `row`: within a transaction of the client's on the database of the sagas. */
  readonly via: 'call' | 'wire' | 'row';
  /** Clients that start it at once with the same key or start id. */
  readonly clients: number;
  readonly steps: Readonly<Record<string, StepScript>>;
  /** Operators' decisions, in milliseconds after the start. */
  readonly cancelAt: number | undefined;
  readonly suspendAt: number | undefined;
  readonly resumeAfter: number;
  /** Somebody retries what is stuck when all is quiet. */
  readonly isRetried: boolean;
}
/** What a saga of the simulator is started with. */
export interface Input {
  readonly n: number;
  readonly when: Readonly<Record<string, boolean>>;
  readonly checks: Readonly<Record<string, boolean>>;
  readonly throws: readonly string[];
}

const FOREVER = 1_000;

// ---- shapes

export function drawShape(chance: Chance, number: number): SagaShape {
  const isPatient = chance.is(0.6);
  const before = chance.between(1, 5);
  const hasPivot = chance.is(0.65);
  const after = hasPivot ? chance.between(0, 3) : 0;
  const isParallel = chance.is(0.5);
  const steps: StepShape[] = [];
  for (let i = 0; i < before; i++) steps.push(drawStep(chance, steps, chance.is(0.12) && i > 0 ? 'check' : 'step', isParallel, isPatient));
  if (hasPivot) steps.push(drawStep(chance, steps, 'pivot', false, isPatient));
  for (let i = 0; i < after; i++) steps.push(drawStep(chance, steps, 'retriable', isParallel, isPatient));
  return {
    name: `saga${number}`,
    version: chance.between(1, 3),
    steps,
    deadlineMs: !isPatient && chance.is(0.3) ? chance.between(2, 40) * 1_000 : undefined,
    order: chance.is(0.35) ? 'by-dependency' : 'reverse',
    hasKey: chance.is(0.6),
    isPatient,
  };
}

function drawStep(
  chance: Chance,
  above: readonly StepShape[],
  kind: StepShape['kind'],
  isParallel: boolean,
  isPatient: boolean,
): StepShape {
  const name = `${kind === 'step' ? 's' : kind}${above.length + 1}`;
  const pivot = above.findIndex((step) => step.kind === 'pivot');
  const eligible = above.map((_, index) => index).filter((index) => (kind === 'retriable' ? index >= pivot : true));
  const isWild = chance.is(0.12);
  const participant: ParticipantName = chance.is(0.5) ? 'alpha' : 'beta';
  const outside: ParticipantName = chance.is(0.5) ? 'plain' : 'raw';
  const isSafe = kind === 'retriable' || kind === 'pivot' ? chance.is(0.95) : !isWild;
  // One that may never answer is not waited for all day.
  const isMute = !isSafe && outside === 'raw';
  const patience =
    isPatient && !isMute
      ? { timeoutMs: 3_600_000, attempts: kind === 'retriable' ? 40 : 20 }
      : kind === 'retriable'
        ? { timeoutMs: isMute ? 20_000 : 30_000, attempts: isMute ? 12 : 40 }
        : { timeoutMs: chance.pick([400, 1_500, 5_000, 12_000, 45_000, 90_000]), attempts: chance.between(1, 4) };
  return {
    name,
    kind,
    after: isParallel && kind !== 'pivot' ? drawAfter(chance, eligible, kind === 'retriable' ? pivot : undefined) : undefined,
    uses: eligible.filter((index) => above[index]!.kind !== 'check' && chance.is(0.2)),
    hasWhen: kind !== 'pivot' && chance.is(0.2),
    participant: isSafe ? participant : outside,
    command:
      kind === 'retriable' ? (chance.is(0.8) ? 'finish' : 'finishCall') : chance.pick(['act', 'act', 'act', 'slow', 'call'] as const),
    undo: kind === 'step' && chance.is(0.85) ? chance.pick(['undo', 'undo', 'undoSlow', 'undoCall'] as const) : undefined,
    ...patience,
    undoAttempts: chance.is(0.1) ? 3 : 20,
  };
}

function drawAfter(chance: Chance, eligible: readonly number[], must: number | undefined): readonly number[] {
  const drawn = eligible.filter(() => chance.is(0.35));
  return must !== undefined && drawn.length === 0 ? [must] : drawn;
}

/** What a step waits for, transitively and directly. */
export function needsOf(shape: SagaShape, index: number): readonly number[] {
  const { after, uses } = shape.steps[index]!;
  return [...new Set([...(after ?? shape.steps.slice(0, index).map((_, above) => above)), ...uses])].toSorted((a, b) => a - b);
}
export function ancestorsOf(shape: SagaShape, index: number): ReadonlySet<number> {
  const all = new Set<number>();
  for (const need of needsOf(shape, index)) for (const each of [need, ...ancestorsOf(shape, need)]) all.add(each);
  return all;
}

// ---- declarations

/** The protected makers of a definition, as a class made at run time calls them. */
interface Maker {
  step(command: unknown, options: object): unknown;
  pivot(command: unknown, options: object): unknown;
  retriable(command: unknown, options: object): unknown;
  check(code: string, options: object): unknown;
}
interface GivenLike {
  readonly input: Input;
  readonly own?: { readonly commandId: string; readonly request: Asked; readonly reply: Answered | undefined };
  readonly [name: string]: unknown;
}

/** Declares a shape as its author would, and loads it. */
export function planFor(shape: SagaShape): Plan {
  class Drawn extends SagaDefinition<Input> {
    constructor() {
      super();
      const made: unknown[] = [];
      for (const step of shape.steps) {
        made.push(declare(this as unknown as Maker, shape, step, made));
        Object.assign(this, { [step.name]: made.at(-1) });
      }
    }
  }
  const deadline = shape.deadlineMs === undefined ? {} : { deadline: `${shape.deadlineMs}ms` as Duration };
  Saga({ name: shape.name, version: shape.version, compensationOrder: shape.order, ...deadline })(Drawn);
  return planOf(new Drawn());
}

function declare(maker: Maker, shape: SagaShape, step: StepShape, made: readonly unknown[]): unknown {
  const terms = CONTRACTS[step.participant];
  const uses = Object.fromEntries(step.uses.map((index) => [`from${index}`, made[index]]));
  const common = {
    uses,
    ...(step.after === undefined ? {} : { after: step.after.map((index) => made[index]) }),
    ...(step.hasWhen ? { when: ({ input }: GivenLike) => input.when[step.name] ?? true } : {}),
  };
  if (step.kind === 'check') {
    return maker.check(`${step.name}-failed`, { ...common, passes: ({ input }: GivenLike) => input.checks[step.name] ?? true });
  }
  const asked = (given: GivenLike): Asked => {
    const wanted = given.own ? `undo ${step.name}` : step.name;
    if (given.input.throws.includes(wanted)) throw new Error(`${wanted} is scripted to throw`);
    return { n: given.input.n, read: step.uses.map((index) => readOf(shape, index, given)) };
  };
  const options = {
    ...common,
    request: asked,
    timeout: `${step.timeoutMs}ms`,
    retry: { attempts: step.attempts, backoff: { initial: '200ms', factor: 2, max: '8s' } },
  };
  if (step.kind === 'pivot') return maker.pivot(terms[step.command], options);
  if (step.kind === 'retriable') return maker.retriable(terms[step.command], options);
  const compensate = step.undo === undefined ? 'none' : { command: terms[step.undo], request: asked, timeout: '60s', retry: undoing(step) };
  return maker.step(terms[step.command], { ...options, compensate });
}

function undoing(step: StepShape) {
  return { attempts: step.undoAttempts, backoff: { initial: '300ms', factor: 2, max: '10s' } };
}

/** What a builder reads has to be there, and of this very saga, unless the step was skipped. */
function readOf(shape: SagaShape, index: number, given: GivenLike): string {
  const { name, hasWhen } = shape.steps[index]!;
  const reply = given[`from${index}`] as Answered | undefined;
  if (reply === undefined) {
    if (hasWhen && given.input.when[name] === false) return '';
    // A compensation may be built although the reply cannot be used.
    if (given.own) return '';
    throw new Error(`the reply of ${name} is not there`);
  }
  if (reply.from !== name || reply.n !== given.input.n) throw new Error(`the reply of ${name} is another one: ${JSON.stringify(reply)}`);
  return name;
}

// ---- scripts

function drawVia(drawn: number): SagaScript['via'] {
  if (drawn < 0.25) return 'wire';
  return drawn < 0.4 ? 'row' : 'call';
}

export function drawScript(chance: Chance, n: number, shapes: readonly SagaShape[], spreadMs: number): SagaScript {
  const shape = chance.between(0, shapes.length - 1);
  const of = shapes[shape]!;
  const isSmooth = chance.is(0.4);
  const steps = Object.fromEntries(of.steps.map((step) => [step.name, drawStepScript(chance, of, step, isSmooth)]));
  return {
    n,
    shape,
    startAt: Math.floor(chance.next() * spreadMs),
    via: drawVia(chance.next()),
    clients: chance.is(0.15) ? chance.between(2, 3) : 1,
    steps,
    cancelAt: chance.is(0.12) ? chance.between(0, 20_000) : undefined,
    suspendAt: chance.is(0.08) ? chance.between(0, 10_000) : undefined,
    resumeAfter: chance.between(100, 60_000),
    isRetried: chance.is(0.5),
  };
}

function drawStepScript(chance: Chance, shape: SagaShape, step: StepShape, isSmooth: boolean): StepScript {
  const isLate = step.kind === 'retriable';
  const isSlow = chance.is(0.08);
  const takesMs = isSlow
    ? chance.between(200, step.participant === 'plain' || step.command === 'call' ? 20_000 : 8_000)
    : chance.between(0, 30);
  return {
    when: !step.hasWhen || chance.is(0.6),
    fate: drawFate(chance, step, isSmooth, isLate),
    errors: chance.is(0.2) ? chance.between(1, shape.isPatient || isLate ? 3 : 2) : 0,
    takesMs,
    undoErrors: chance.is(0.04) ? FOREVER : chance.is(0.15) ? chance.between(1, 4) : 0,
    undoTakesMs: chance.is(0.05) ? chance.between(200, 6_000) : chance.between(0, 20),
    undoBuilderThrows: chance.is(0.01),
  };
}

function drawFate(chance: Chance, step: StepShape, isSmooth: boolean, isLate: boolean): StepScript['fate'] {
  if (step.kind === 'check') return !isSmooth && chance.is(0.3) ? 'fails-check' : 'succeeds';
  if (step.participant === 'raw') {
    const all: readonly StepScript['fate'][] = ['succeeds', 'succeeds', 'mute', 'unusable', 'twice', 'contradicts', 'rejects'];
    return chance.pick(isLate ? all.slice(0, 5) : all);
  }
  if (isSmooth) return 'succeeds';
  if (chance.is(0.01)) return 'builder-throws';
  if (isLate) return chance.is(0.04) ? 'errors' : 'succeeds';
  if (step.kind === 'pivot') return chance.is(0.1) ? 'rejects' : chance.is(0.1) ? 'errors' : 'succeeds';
  return chance.is(0.12) ? 'rejects' : chance.is(0.05) ? 'errors' : 'succeeds';
}

export function isForever(errors: number): boolean {
  return errors >= FOREVER;
}

export function inputOf(script: SagaScript): Input {
  const steps = Object.entries(script.steps);
  return {
    n: script.n,
    when: Object.fromEntries(steps.map(([name, { when }]) => [name, when])),
    checks: Object.fromEntries(steps.map(([name, { fate }]) => [name, fate !== 'fails-check'])),
    throws: steps.flatMap(([name, { fate, undoBuilderThrows }]) => [
      ...(fate === 'builder-throws' ? [name] : []),
      ...(undoBuilderThrows ? [`undo ${name}`] : []),
    ]),
  };
}
