import type { Chance } from '../../chance.js';
import type { ExpectedEnd, InputOptions, Script, Start, Workload } from '../workload.js';

export interface Scripted {
  /** By step; a conditional step that is not in here is skipped. */
  scripts: { [step: string]: Script };
  /** Whether the check passes, where the definition has one. */
  passes: boolean;
}

/** The shapes, as far as inputs have to know them. `saga.ts` declares the same for the engine. */
interface Shape {
  readonly saga: string;
  /** May be skipped. */
  readonly conditional: readonly string[];
  /** Can be refused: what stands before the pivot, and the pivot. */
  readonly refusable: readonly string[];
  /** Come after the pivot. */
  readonly retriable: readonly string[];
  readonly hasCheck: boolean;
}
const steps = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => `s${first + n}`);
const SHAPES: readonly Shape[] = [
  { saga: 'random-line', conditional: steps(2, 12), refusable: steps(1, 12), retriable: [], hasCheck: false },
  { saga: 'random-pivot', conditional: ['s2', 's6'], refusable: steps(1, 4), retriable: steps(5, 7), hasCheck: true },
  { saga: 'random-tree', conditional: ['s3'], refusable: steps(1, 6), retriable: [], hasCheck: true },
  { saga: 'random-wide', conditional: ['s5'], refusable: steps(1, 7), retriable: ['s8'], hasCheck: false },
  { saga: 'random-single', conditional: [], refusable: ['s1'], retriable: [], hasCheck: false },
];
/** Its retriable step gives up soon. */
const STUCK: Shape = { saga: 'random-stuck', conditional: [], refusable: ['s1', 's2'], retriable: ['s3'], hasCheck: false };
/** Attempts of an action in `saga.ts`: with as many errors it is given up and undone. */
export const ATTEMPTS = 4;
/** Attempts of the retriable step of `random-stuck`. */
export const STUCK_ATTEMPTS = 3;

/** W3: 1 to 12 steps in many shapes; every outcome is scripted by the input, and so is the end. */
export const random: Workload = {
  name: 'random',
  sagas: [...SHAPES, STUCK].map(({ saga }) => saga),
  participants: ['random-alpha', 'random-beta', 'random-gamma'],
  inputs: (chance, count, options = {}) => Array.from({ length: count }, () => draw(chance, options)),
  expectedEnd,
  skipped: ({ saga, input }) => shapeOf(saga).conditional.filter((step) => !(step in (input as Scripted).scripts)),
};

function draw(chance: Chance, { stuck = false }: InputOptions): Start {
  const shape = stuck && chance.is(0.02) ? STUCK : chance.pick(SHAPES);
  const scripts: Record<string, Script> = {};
  // Each saga has its own mood: most go well, some have trouble on the way, and some fail.
  const trouble = chance.is(0.3) ? 0.3 : 0.02;
  const fails = chance.is(0.35) ? chance.pick(shape.refusable) : undefined;
  const isSkipped = chance.next();
  for (const step of [...shape.refusable, ...shape.retriable]) {
    if (shape.conditional.includes(step) && chance.is(isSkipped)) continue;
    const errors = chance.is(trouble) ? { errors: chance.between(1, 2) } : {};
    const undoErrors = chance.is(trouble) ? { undoErrors: chance.between(1, 3) } : {};
    if (step === fails) scripts[step] = chance.is(0.7) ? { reject: true } : { errors: 99, ...undoErrors };
    else scripts[step] = { ...errors, ...(shape.retriable.includes(step) ? {} : undoErrors) };
  }
  if (shape === STUCK) scripts['s3'] = { errors: 99 };
  return { saga: shape.saga, input: { scripts, passes: !shape.hasCheck || chance.is(0.9) } satisfies Scripted };
}

/**
 * Anything refused or given up before the pivot's success turns the saga back; everything that was done is then undone, and undoing never
 * gives up. After the pivot only the shape that gives up soon can end otherwise than completed.
 */
function expectedEnd({ saga, input }: Start): ExpectedEnd {
  const shape = shapeOf(saga);
  const { scripts, passes } = input as Scripted;
  const failing = shape.refusable.some((step) => scripts[step]?.reject === true || (scripts[step]?.errors ?? 0) >= ATTEMPTS);
  if (failing || (shape.hasCheck && !passes)) return 'compensated';
  const isStuck = shape === STUCK && (scripts['s3']?.errors ?? 0) >= STUCK_ATTEMPTS;
  return isStuck ? 'stuck' : 'completed';
}

function shapeOf(saga: string): Shape {
  const shape = [...SHAPES, STUCK].find((each) => each.saga === saga);
  if (!shape) throw new Error(`there is no shape ${saga}`);
  return shape;
}
