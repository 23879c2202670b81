// V1, V2 and V16: what was asked for, what there is, and how it ended.
import type { HistoryEntry, SagaSummary } from '../kit/api.js';
import { expectedEnd } from '../kit/workloads/all.js';
import { Findings } from './findings.js';
import type { Asked, Index } from './run.js';

const isFinal = ({ status }: SagaSummary) => status === 'completed' || status === 'compensated';
export const shown = (saga: SagaSummary, key?: string) => `${saga.id} (${saga.name}${key === undefined ? '' : `, key ${key}`})`;

/**
 * V1: every answered start exists and ends in time; those that were scripted to be stuck are. One other end there is: a pivot whose effect is
 * outside, whose process was killed within it, and of which no copy is left; its fence is answered that nobody knows, and a person has to look.
 */
export function answeredStartsEnd(index: Index): Findings {
  const found = new Findings('V1', 'every answered start exists and ends in time');
  const { manifest } = index.run;
  const stuck = new Set(manifest.expectedStuck);
  const latest = manifest.healedAt === undefined ? Infinity : Date.parse(manifest.healedAt) + manifest.endWithinMs;
  for (const { key, name, ids } of index.asked.values())
    for (const id of new Set(ids)) {
      const saga = index.sagaById.get(id);
      found.look(saga === undefined && `${id} (${name}, key ${key}) was answered and is not there`);
      if (saga && saga.name !== name) found.violate(`${shown(saga, key)} was started as ${name}`);
    }
  for (const saga of index.run.sagas) {
    const isToldApart = saga.status === 'stuck' && nobodyKnows(index.run.details.get(saga.id)?.history ?? []);
    found.look(!isToldApart && endProblem(saga, index.keyOf(saga), stuck, latest));
  }
  return index.asked.size > 0 ? found.notVacuous('answered start') : found;
}

/** It is stuck in a fence that was answered so, and in nothing else. */
function nobodyKnows(history: readonly HistoryEntry[]): boolean {
  const stuck = history.flatMap(({ effects, phase }) => effects.filter((effect) => effect.do === 'stuck').map(() => phase));
  const isTold = history.some(({ phase, outcome, code }) => phase === 'fence' && outcome === 'error' && code === 'outcome-unknown');
  return isTold && stuck.length > 0 && stuck.every((phase) => phase === 'fence');
}

function endProblem(saga: SagaSummary, key: string | undefined, stuck: ReadonlySet<string>, latest: number): string | false {
  const isExpected = key !== undefined && stuck.has(key);
  if (isExpected) return saga.status !== 'stuck' && `${shown(saga, key)} is ${saga.status}, but was scripted to be stuck`;
  if (!isFinal(saga)) return `${shown(saga, key)} has not ended: ${saga.status}${saga.at.length > 0 ? ` at ${saga.at.join(', ')}` : ''}`;
  const endedAt = Date.parse(saga.endedAt ?? '');
  return endedAt > latest && `${shown(saga, key)} ended ${endedAt - latest} ms too late, at ${saga.endedAt}`;
}

/** V2: one key is at most one saga, whatever the answers were; what was refused is not there. */
export function oneSagaForEachKey(index: Index): Findings {
  const found = new Findings('V2', 'one key is at most one saga, also when the answer was lost');
  for (const asked of index.asked.values()) {
    const { key, ids, created, fails, unknown } = asked;
    const there = index.sagasByKey.get(key) ?? [];
    found.look(there.length > 1 && `key ${key} is ${there.length} sagas: ${there.map(({ id }) => id).join(', ')}`);
    if (new Set(ids).size > 1) found.violate(`key ${key} was answered with several ids: ${[...new Set(ids)].join(', ')}`);
    if (created > 1) found.violate(`key ${key} was said to be created ${created} times: ${ids.join(', ')}`);
    if (ids.length === 0 && unknown === 0 && fails.length > 0 && there.length > 0)
      found.violate(`key ${key} was refused (${fails[0]}), and is there all the same: ${there[0]!.id}`);
  }
  return index.asked.size > 0 ? found.notVacuous('start') : found;
}

/**
 * V16: the end follows from the input alone, however often messages were delivered. `mayRunOut`: the faults last longer than the sagas'
 * patience, so that one may be given up and undone although nobody said no.
 */
export function endsAsScripted(index: Index, mayRunOut = false): Findings {
  const found = new Findings('V16', 'every saga ends as its input says, however often messages were delivered');
  for (const saga of index.run.sagas) {
    const asked = index.asked.get(index.keyOf(saga) ?? '');
    if (!asked || !isFinal(saga)) continue;
    const expected = expectedEnd({ saga: saga.name, input: asked.input });
    if (expected === 'either') continue;
    const hasRunOut = expected === 'completed' && (saga.reason?.kind === 'exhausted' || saga.reason?.kind === 'deadline');
    if (mayRunOut && hasRunOut) continue;
    found.look(expected !== saga.status && unscripted(saga, asked, expected));
  }
  return found;
}
function unscripted(saga: SagaSummary, { key }: Asked, expected: string): string {
  const { reason } = saga;
  const why = reason ? `; it turned back because of ${[reason.kind, reason.step, reason.code].filter(Boolean).join(' ')}` : '';
  return `${shown(saga, key)} is ${saga.status}, scripted was ${expected}${why}`;
}

/** V16 for two runs of one seed, one with faults and one without: the same key has the same end, where the input decides it. */
export function compareEnds(one: Index, other: Index): Findings {
  const found = new Findings('V16', 'the same sagas end alike with and without faults');
  for (const [key, asked] of one.asked) {
    const [mine] = one.sagasByKey.get(key) ?? [];
    const [theirs] = other.sagasByKey.get(key) ?? [];
    if (!mine || !theirs || expectedEnd({ saga: asked.name, input: asked.input }) === 'either') continue;
    found.look(
      mine.status !== theirs.status && `key ${key} (${asked.name}) is ${mine.status} in one run and ${theirs.status} in the other`,
    );
  }
  return found.notVacuous('saga in common');
}
