import { Chance } from '../kit/chance.js';
import { drawFaults, LONGEST_MS, type Fault, type Targets } from './faults.js';
import { drawScript, drawShape, type SagaScript, type SagaShape } from './random-sagas.js';

/** What makes a run: everything follows from it. A shrunk case keeps some of its sagas and faults. */
export interface CaseFile {
  readonly seed: number;
  /** How many sagas are drawn. */
  readonly sagas: number;
  /** Numbers of those that are started; all where absent. */
  readonly only?: readonly number[];
  /** In place of those that the seed draws. */
  readonly faults?: readonly Fault[];
}

/** A case with all that its seed decides, before anything runs. */
export interface Case {
  readonly file: CaseFile;
  readonly shapes: readonly SagaShape[];
  readonly scripts: readonly SagaScript[];
  readonly faults: readonly Fault[];
  readonly targets: Targets;
  /** Rows are not locked while they are decided about; only versions keep batches apart. */
  readonly isOptimistic: boolean;
  /** The second orchestrator comes up without one of the definitions, as in the middle of a rollout. */
  readonly isRolledOut: boolean;
  /** From here on nothing goes wrong any more. */
  readonly quietAt: number;
}

/** Sagas are started, and faults begin, within this; milliseconds. */
const SPREAD_MS = 45_000;

export function drawCase(file: CaseFile): Case {
  const chance = new Chance(`${file.seed}/case`);
  const orchestrators = ['o1', 'o2', 'o3'].slice(0, chance.between(2, 3));
  const hosts = ['alpha1', 'beta1', 'plain1', ...(chance.is(0.7) ? ['alpha2'] : []), ...(chance.is(0.5) ? ['beta2'] : [])];
  const targets = { orchestrators, hosts, all: [...orchestrators, ...hosts, 'raw1', 'client'] };
  const shapeChance = chance.fork('shapes');
  const shapes = Array.from({ length: shapeChance.between(3, 5) }, (_, number) => drawShape(shapeChance, number));
  const scripts = Array.from({ length: file.sagas }, (_, n) => drawScript(chance.fork(`saga ${n}`), n, shapes, SPREAD_MS));
  const only = file.only && new Set(file.only);
  const isOptimistic = chance.is(0.3);
  const isRolledOut = chance.is(0.3);
  return {
    file,
    shapes,
    scripts: only ? scripts.filter(({ n }) => only.has(n)) : scripts,
    faults: file.faults ?? drawFaults(chance.fork('faults'), targets, SPREAD_MS),
    targets,
    isOptimistic,
    isRolledOut,
    quietAt: SPREAD_MS + LONGEST_MS + 10_000,
  };
}
