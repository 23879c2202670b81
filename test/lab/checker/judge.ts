import type { Report } from '../kit/evidence.js';
import { effectsOf, moneyIsConserved } from './effects.js';
import { decisionsAreAudited } from './decisions.js';
import { historiesOf } from './histories.js';
import { indexOf, type Run } from './run.js';
import { secretsAreNowhere } from './secrets.js';
import { answeredStartsEnd, endsAsScripted, oneSagaForEachKey } from './starts.js';
import { counted, logsAreClean, nothingWaits, queuesAreEmpty, tailIsQuick, usageIsFlat, type ResourceLimits } from './surroundings.js';

export interface Limits extends ResourceLimits {
  /** V15. Default 1,000. */
  readonly latenessMs?: number;
  /** V20. Default 5,000. */
  readonly tailMs?: number;
  /** V16: attempts may run out, because the faults last longer than the sagas' patience. Default false. */
  readonly mayRunOut?: boolean;
  /** V22: error lines that no fault window has to explain. */
  readonly allowedErrors?: readonly RegExp[];
  /** Invariants that this experiment breaks on purpose, or cannot be held to. */
  readonly without?: readonly string[];
}

/** Judges a run. Pure: the same evidence gives the same report. */
export function judge(run: Run, limits: Limits = {}): Report {
  const index = indexOf(run);
  const { findings, counters } = counted(index);
  const all = [
    answeredStartsEnd(index),
    oneSagaForEachKey(index),
    ...effectsOf(index),
    moneyIsConserved(index),
    ...historiesOf(index, { latenessMs: limits.latenessMs ?? 1_000 }),
    nothingWaits(index),
    queuesAreEmpty(index),
    endsAsScripted(index, limits.mayRunOut),
    decisionsAreAudited(index),
    secretsAreNowhere(index),
    tailIsQuick(index, limits.tailMs),
    usageIsFlat(index, limits),
    logsAreClean(index, limits.allowedErrors),
    findings,
  ]
    .filter(({ id }) => !limits.without?.includes(id))
    .sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)))
    .map((each) => each.result());
  const ends: Record<string, number> = {};
  for (const { status } of run.sagas) ends[status] = (ends[status] ?? 0) + 1;
  return {
    experiment: run.manifest.experiment,
    seed: run.manifest.seed,
    ok: all.every(({ violationCount }) => violationCount === 0),
    invariants: all,
    counters,
    ends,
    sagas: run.sagas.length,
  };
}
