import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Result } from '../kit/results.js';

/** Somebody exercised a row: a test file, or an experiment. */
export interface Exercise {
  readonly row: string;
  /** The test file, or the command that makes the experiment again. */
  readonly by: string;
  readonly passed: number;
  readonly failed: number;
  /** What failed, or what an experiment says of it. */
  readonly notes: readonly string[];
}

/** All that was found. */
export interface Findings {
  readonly exercises: readonly Exercise[];
  /** What was read, in words. */
  readonly sources: readonly string[];
  /** Test files that did not even load: what they exercise is not known. */
  readonly broken: readonly string[];
}

const TAG = /^\s*\[((?:[A-J]|V|M)\d+(?:[ ,]+(?:[A-J]|V|M)\d+)*)\]/;

/** The rows that a title names: ids in square brackets at its start, `[B12]`, `[B12 B13]` or `[B12] [B13]`. */
export function rowsIn(title: string): readonly string[] {
  const rows: string[] = [];
  for (let rest = title; ;) {
    const match = TAG.exec(rest);
    if (!match) return [...new Set(rows)];
    rows.push(...match[1]!.split(/[ ,]+/));
    rest = rest.slice(match[0].length);
  }
}

/** What jest writes with `--json`, as far as it is read here. */
export interface JestReport {
  readonly startTime: number;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      /** `passed`, `failed`, or one of those that did not run. */
      readonly status: string;
    }[];
  }[];
}

/** What a run of jest exercised. A test that was skipped exercises nothing. `root`: what paths are shown from. */
export function fromJest(report: JestReport, root: string): Findings {
  const exercises: Exercise[] = [];
  const broken: string[] = [];
  for (const { name, status, assertionResults } of report.testResults) {
    const by = relative(root, name).replaceAll('\\', '/');
    if (status === 'failed' && assertionResults.length === 0) broken.push(by);
    for (const { ancestorTitles, title, status: fate } of assertionResults) {
      if (fate !== 'passed' && fate !== 'failed') continue;
      const rows = new Set([...ancestorTitles, title].flatMap(rowsIn));
      const notes = fate === 'failed' ? [[...ancestorTitles, title].join(' › ')] : [];
      for (const row of rows) exercises.push({ row, by, passed: fate === 'passed' ? 1 : 0, failed: fate === 'failed' ? 1 : 0, notes });
    }
  }
  const day = new Date(report.startTime).toISOString().slice(0, 10);
  return { exercises, broken, sources: [`tests of ${day}: ${report.numPassedTests} passed, ${report.numFailedTests} failed`] };
}

/** What an experiment exercised. */
export function fromResult(result: Result): Findings {
  const { command, experiment, seed, startedAt, passed, failed, seconds, rows } = result;
  const exercises = Object.entries(rows).map(([row, { passed, failed, note }]) => ({
    row,
    by: command,
    passed,
    failed,
    notes: note === undefined ? [] : [note],
  }));
  const what = `${experiment} of ${startedAt.slice(0, 10)}, seed ${seed}, ${Math.round(seconds)} s: ${passed} passed, ${failed} failed`;
  return { exercises, broken: [], sources: [what] };
}

/** Reads all of these files; throws with the name of one that cannot be read. */
export function readFindings(jestFiles: readonly string[], resultFolders: readonly string[], root: string): Findings {
  const all = [
    ...jestFiles.map((file) => fromJest(readJson(file, isJestReport, 'what jest writes with --json'), root)),
    ...resultFolders
      .flatMap((folder) => filesIn(folder))
      .map((file) => fromResult(readJson(file, isResult, 'the result of an experiment'))),
  ];
  return {
    exercises: all.flatMap(({ exercises }) => exercises),
    sources: all.flatMap(({ sources }) => sources),
    broken: all.flatMap(({ broken }) => broken),
  };
}

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => join(folder, name));
}

function readJson<T>(file: string, isIt: (value: unknown) => value is T, what: string): T {
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!isIt(value)) throw new Error(`${file} is not ${what}`);
  return value;
}

function isJestReport(value: unknown): value is JestReport {
  return Array.isArray((value as JestReport | null)?.testResults);
}

function isResult(value: unknown): value is Result {
  const { command, rows } = (value ?? {}) as Partial<Result>;
  return typeof command === 'string' && typeof rows === 'object' && rows !== null;
}
