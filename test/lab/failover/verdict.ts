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

/** What the checker found violated, as sentences; `tolerated` invariants are judged by the experiment itself. */
export function violationsIn(report: Report, tolerated: readonly string[] = []): readonly string[] {
  return report.invariants
    .filter(({ id, violationCount }) => violationCount > 0 && !tolerated.includes(id))
    .map(
      ({ id, text, violationCount, violations }) =>
        `${id} (${text}): ${violationCount} violations, e.g. ${violations.slice(0, 3).join(' | ')}`,
    );
}
