import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Report } from '../kit/evidence.js';

const CHECKER = 'dist/test/lab/checker/check.js';

/** Runs the independent checker on a folder of evidence, as a process of its own, and gives its report. */
export async function runChecker(directory: string): Promise<Report> {
  const path = join(directory, 'report.json');
  // Violations are its business, not an error here; that it left no report is one.
  const { stderr } = await promisify(execFile)(process.execPath, [CHECKER, '--evidence', directory], { maxBuffer: 1 << 26 }).catch(
    (error: unknown) => error as { stderr?: string },
  );
  if (!existsSync(path)) throw new Error(`the checker left no report in ${directory}:\n${stderr ?? ''}`);
  return JSON.parse(readFileSync(path, 'utf8')) as Report;
}

/** Whether a violation has to be there: the experiment judges it itself. */
export type Tolerated = (invariant: string, violation: string) => boolean;
export const NOTHING_TOLERATED: Tolerated = () => false;

/**
 * What the checker found violated and is not tolerated, as sentences. Of more than twenty violations of one invariant the report keeps
 * twenty; those are judged.
 */
export function violationsIn(report: Report, tolerated: Tolerated = NOTHING_TOLERATED): readonly string[] {
  return report.invariants.flatMap(({ id, text, violations, violationCount }) => {
    const bad = violations.filter((violation) => !tolerated(id, violation));
    if (violationCount === 0 || (bad.length === 0 && violations.length > 0)) return [];
    return [`${id} (${text}): ${violationCount} violations, e.g. ${bad.slice(0, 3).join(' | ')}`];
  });
}

/** What a database that has lost sagas must look like: they are missed, their effects have no saga, their answers no reader. */
export const ofLostSagas: Tolerated = (invariant, violation) =>
  invariant === 'V13' || (['V1', 'V6', 'V14'].includes(invariant) && /(is|that is) not there/.test(violation));
