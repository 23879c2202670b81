import { Option, type Command } from 'commander';
import { STATUSES } from '../core/state.js';
import { instantOrAge, several, tag, wholeNumber, type Moment } from './arguments.js';
import { UsageError } from './exit-codes.js';

/** Which sagas: the options of `list`, and of decisions about many. */
export interface FindOptions {
  readonly status?: readonly string[];
  readonly name?: string;
  readonly sagaVersion?: number;
  readonly key?: string;
  readonly tag?: Readonly<Record<string, string>>;
  readonly step?: string;
  readonly waitingFor?: string;
  readonly error?: string;
  readonly startedBefore?: Moment;
  readonly startedAfter?: Moment;
}

/** Adds them. `statuses`: those that can be asked for. */
export function withFindOptions(command: Command, statuses: readonly string[] = STATUSES): Command {
  return command
    .addOption(new Option('--status <status>', `one of ${statuses.join(', ')}; may be repeated`).choices(statuses).argParser(one(statuses)))
    .option('--name <name>', 'of this saga only')
    .option('--saga-version <n>', 'of this version only', wholeNumber(1, 2_147_483_647))
    .option('--key <key>', 'of this key only')
    .option('--tag <name=value>', 'with this tag only; may be repeated', tag)
    .option('--step <step>', 'at this step now')
    .option('--waiting-for <participant>', 'without an answer of this participant')
    .option('--error <code>', 'with this error or rejection code')
    .option('--started-before <time>', 'so long ago or longer (2h), or before a time (2026-11-29T12:00Z)', instantOrAge)
    .option('--started-after <time>', 'not longer ago than this (2h), or after a time', instantOrAge);
}

function one(statuses: readonly string[]): (text: string, before: unknown) => readonly string[] {
  return (text, before) => {
    if (!statuses.includes(text)) throw new UsageError(`--status must be one of ${statuses.join(', ')}`);
    return several(text, before as readonly string[] | undefined);
  };
}

/** What the options say, as the API is asked, tags apart. */
export function filterOf(options: FindOptions, now: number) {
  const { status, name, sagaVersion, key, step, waitingFor, error, startedBefore, startedAfter } = options;
  const given = {
    status,
    name,
    version: sagaVersion,
    key,
    step,
    waitingFor,
    error,
    startedBefore: startedBefore && isoOf(startedBefore, now),
    startedAfter: startedAfter && isoOf(startedAfter, now),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<typeof given>;
}

function isoOf(moment: Moment, now: number): string {
  return new Date('at' in moment ? moment.at : now - moment.ago).toISOString();
}
