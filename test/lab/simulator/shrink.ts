import { drawCase, type CaseFile } from './case.js';
import { runCase, type CaseResult } from './run-case.js';

export interface Shrunk {
  readonly file: CaseFile;
  readonly result: CaseResult;
  readonly runs: number;
}

/**
 * Looks for a smaller case that breaks the same rule: with fewer faults, then with fewer sagas, as long as the time lasts. The case that
 * is given has to fail.
 */
export async function shrink(file: CaseFile, rule: string, budgetMs: number): Promise<Shrunk> {
  const until = performance.now() + budgetMs;
  const drawn = drawCase(file);
  let runs = 0;
  let best: { file: CaseFile; result: CaseResult } | undefined;
  const fails = async (candidate: CaseFile): Promise<boolean> => {
    runs++;
    const result = await runCase(candidate);
    if (!result.violations.some(({ id }) => id === rule)) return false;
    best = { file: candidate, result };
    return true;
  };
  const isTimeUp = () => performance.now() > until;
  const only = drawn.scripts.map(({ n }) => n);
  const culprit = await keepOne(file, rule, only, fails);
  let faults = [...drawn.faults];
  faults = await fewer(faults, (kept) => fails({ ...file, only: culprit, faults: kept }), isTimeUp);
  const sagas = await fewer(
    [...culprit],
    (kept) => (kept.length > 0 ? fails({ ...file, only: kept, faults }) : Promise.resolve(false)),
    isTimeUp,
  );
  faults = await fewer(faults, (kept) => fails({ ...file, only: sagas, faults: kept }), isTimeUp);
  if (!best) {
    await fails({ ...file, only: sagas, faults });
    best ??= { file, result: await runCase(file) };
  }
  return { ...best, runs };
}

/** Mostly one saga is enough. */
async function keepOne(
  file: CaseFile,
  rule: string,
  all: readonly number[],
  fails: (file: CaseFile) => Promise<boolean>,
): Promise<readonly number[]> {
  const { violations } = await runCase(file);
  const named = violations.filter(({ id }) => id === rule).map(({ text }) => /^saga (\d+) /.exec(text)?.[1]);
  for (const n of new Set(named)) {
    if (n !== undefined && (await fails({ ...file, only: [Number(n)] }))) return [Number(n)];
  }
  return all;
}

/** Takes parts away, large ones first, as long as it still fails. */
async function fewer<T>(all: readonly T[], fails: (kept: readonly T[]) => Promise<boolean>, isTimeUp: () => boolean): Promise<T[]> {
  let kept = [...all];
  for (let size = Math.max(1, kept.length >> 1); ; size = size >> 1) {
    for (let from = 0; from < kept.length && !isTimeUp();) {
      const without = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (await fails(without)) kept = without;
      else from += size;
    }
    if (size <= 1 || isTimeUp()) return kept;
  }
}
