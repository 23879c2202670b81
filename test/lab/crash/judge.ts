import { check } from '../checker/check.js';
import type { Site } from './site.js';

export interface Verdict {
  /** What the checker has against the site's evidence, one line for each invariant. */
  readonly faults: readonly string[];
  /** Things that it looked at, of all invariants. */
  readonly checked: number;
}

/** Timers are late while the process that looks at them is away, and restarts on a busy machine take seconds; none may be early. */
const LATENESS_MS = 20_000;

export async function verdictOn({ options }: Site): Promise<Verdict> {
  const { invariants } = await check(options.directory, { quiet: true, latenessMs: LATENESS_MS });
  return {
    faults: invariants.flatMap(({ id, text, violations, violationCount }) =>
      violationCount === 0 ? [] : [`${id} ${text}: ${violationCount} violations, e.g. ${violations.slice(0, 3).join(' | ')}`],
    ),
    checked: invariants.reduce((sum, { checked }) => sum + checked, 0),
  };
}
