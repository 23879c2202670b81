// V9 to V11, V14 and V15: what the histories say.
import type { HistoryEntry, SagaShown, SagaSummary } from '../kit/api.js';
import { percentile } from '../kit/statistics.js';
import { Findings } from './findings.js';
import type { Details, Index, InboxRow } from './run.js';
import { shown } from './starts.js';

/** Events that say only that something came which changes nothing; they may follow the end. */
const ANNOTATIONS = new Set(['late-reply', 'outdated-reply', 'duplicate-reply', 'conflicting-reply', 'unexpected-reply']);
const BY_A_MESSAGE = new Set(['replied', ...ANNOTATIONS]);
const BY_A_TIMER = new Set(['timed-out', 'backoff-over', 'resent', 'deadline-reached']);
const BY_A_PERSON = new Set(['settled-by-hand', 'cancel-requested', 'suspended', 'resumed', 'retry-requested']);
const FINAL = new Set(['completed', 'compensated']);
/** Instants in the API are whole milliseconds. */
const ROUNDING_MS = 2;
/** Sends and timers around a fault are late for a reason. */
const GRACE_MS = 10_000;

export interface HistoryLimits {
  /** V15: 99 of 100 timers outside of faults are at most so late. */
  readonly latenessMs: number;
}

/** One pass over all histories. */
export function historiesOf(index: Index, limits: HistoryLimits): readonly Findings[] {
  const v9 = new Findings('V9', 'histories are gapless: from "started" to exactly one end, then only annotations');
  const v10 = new Findings('V10', 'what the history says adds up to what the API shows (status and outcome of each step)');
  const v11 = new Findings('V11', 'every event has a cause, and time never runs backwards');
  const v14 = new Findings('V14', 'what was answered was handled, and nothing was handled that was never sent');
  const v15 = new Findings('V15', 'no timer is early, and 99 of 100 are in time');
  const lateness: number[] = [];
  const inbox = new Map(index.run.inbox.map((row) => [`${row.commandId} ${row.direction}`, row]));
  for (const [id, details] of index.run.details) {
    const saga = index.sagaById.get(id);
    if (!saga) continue;
    v9.look(gap(saga, details.history));
    v11.look(uncaused(saga, details.history));
    if (details.shown) v10.look(differs(details.shown, details));
    conserved(v14, index, saga, details, inbox);
    timers(v15, index, saga, details, lateness);
  }
  strangers(v14, index);
  const worst = percentile(lateness, 0.99);
  if (lateness.length >= 100 && worst > limits.latenessMs)
    v15.violate(
      `of ${lateness.length} timers outside of faults 99 of 100 were up to ${Math.round(worst)} ms late; the limit is ${limits.latenessMs} ms`,
    );
  if (index.run.sagas.length > 0) for (const each of [v9, v10, v11]) each.notVacuous('history');
  return [v9, v10, v11, v14, v15];
}

function gap(saga: SagaSummary, history: readonly HistoryEntry[]): string | false {
  const first = history[0];
  if (!first) return `${shown(saga)} has no history`;
  for (const [at, { seq }] of history.entries()) if (seq !== at + 1) return `${shown(saga)}: after entry ${at} comes ${seq}`;
  if (first.event !== 'started') return `${shown(saga)} begins with '${first.event}'`;
  const again = history.slice(1).find(({ event }) => event === 'started');
  if (again) return `${shown(saga)} was started twice: entry ${again.seq}`;
  const ends = history.flatMap(({ seq, effects }) =>
    effects.filter((effect) => effect.do === 'status' && FINAL.has(effect.status ?? '')).map(() => seq),
  );
  if (!FINAL.has(saga.status)) return ends.length > 0 && `${shown(saga)} is ${saga.status}, but its history has an end: entry ${ends[0]}`;
  if (ends.length !== 1) return `${shown(saga)} is ${saga.status}, and its history has ${ends.length} ends`;
  const after = history.slice(ends[0]).find(({ event }) => !ANNOTATIONS.has(event));
  return after !== undefined && `${shown(saga)}: after its end (entry ${ends[0]}) comes '${after.event}' (entry ${after.seq})`;
}

function uncaused(saga: SagaSummary, history: readonly HistoryEntry[]): string | false {
  let before = -Infinity;
  for (const [place, { seq, event, by, step, outcome, at }] of history.entries()) {
    const isCaused =
      place === 0 ||
      (BY_A_MESSAGE.has(event)
        ? step !== undefined && outcome !== undefined
        : BY_A_TIMER.has(event) || (BY_A_PERSON.has(event) && by !== undefined));
    if (!isCaused) return `${shown(saga)}: entry ${seq} '${event}' has no cause (a message, a timer or a person)`;
    const instant = Date.parse(at);
    if (instant < before) return `${shown(saga)}: entry ${seq} is ${before - instant} ms before the one before it`;
    before = instant;
  }
  return false;
}

/** Adds up the history, by what docs/http.md says that states mean, and compares. */
function differs(saga: SagaShown, { history }: Details): string | false {
  // What a person settled or what came to light late is told as attention, not as an outcome.
  if (saga.attention.length > 0 || saga.stuck.length > 0) return false;
  const states = new Map<string, string>();
  let status = 'running';
  for (const { effects } of history)
    for (const effect of effects) {
      if (effect.do === 'status') status = effect.status ?? '';
      else if (effect.do === 'turned-back') status = 'compensating';
      else if (effect.do === 'turned-forward') status = 'running';
      if (effect.step === undefined) continue;
      if (effect.do === 'undone') states.set(effect.step, 'compensated');
      else if (effect.do === 'passed') states.set(effect.step, 'succeeded');
      else if (['succeeded', 'rejected', 'unknown', 'skipped', 'dropped'].includes(effect.do)) states.set(effect.step, effect.do);
    }
  if (!FINAL.has(saga.status) && !FINAL.has(status)) return false; // it may have gone on between the two requests
  if (status !== saga.status) return `${shown(saga)} is ${saga.status}, by its history ${status}`;
  const wrong = saga.steps.find((step) => step.state !== (states.get(step.name) ?? 'not-reached'));
  return (
    wrong !== undefined && `${shown(saga)}: ${wrong.name} is ${wrong.state}, by the history ${states.get(wrong.name) ?? 'not-reached'}`
  );
}

/** Every success that the history tells of was recorded by the participant, and was the answer to something sent. */
function conserved(v14: Findings, index: Index, saga: SagaSummary, { history }: Details, inbox: ReadonlyMap<string, InboxRow>): void {
  const sent = new Set<string>();
  const definition = index.definitionOf(saga);
  for (const entry of history) {
    if (entry.event === 'replied' && entry.step !== undefined && (entry.phase === 'action' || entry.phase === 'compensation')) {
      const command = `${saga.id}.${entry.step}.${entry.phase === 'action' ? 'a' : 'c'}.${entry.execution ?? 1}`;
      if (!sent.has(command)) v14.violate(`${shown(saga)}: ${command} was answered, but never sent (entry ${entry.seq})`);
      const step = definition?.steps.find(({ name }) => name === entry.step);
      const participant = (entry.phase === 'action' ? step?.action : step?.compensation)?.participant;
      const isRecorded = participant !== undefined && index.run.manifest.participants.includes(participant);
      // Nothing needs to be recorded of the undo of what was never done: the action's own row, a tombstone or a refusal, says it.
      if (isRecorded && entry.phase === 'action' && entry.outcome === 'success')
        v14.look(
          !inbox.has(`${command} action`) &&
            `${shown(saga)}: ${command} was answered '${entry.outcome}', but ${participant} has no record of it`,
        );
    }
    for (const effect of entry.effects)
      if (effect.do === 'sent' && effect.step !== undefined && effect.phase !== undefined)
        sent.add(`${saga.id}.${effect.step}.${effect.phase[0]}.${effect.execution ?? 1}`);
  }
}

/** Rows of sagas that are not there. */
function strangers(v14: Findings, index: Index): void {
  for (const { commandId, participant } of index.run.inbox) {
    const sagaId = commandId.slice(0, 36);
    v14.look(!index.sagaById.has(sagaId) && `${participant} has handled ${commandId}, of a saga that is not there`);
  }
}

function timers(v15: Findings, index: Index, saga: SagaSummary, { history }: Details, lateness: number[]): void {
  if (history.some(({ event }) => BY_A_PERSON.has(event))) return; // a person may have moved them
  const definition = index.definitionOf(saga);
  const due = new Map<string, number>();
  for (const { event, at, step, phase, execution, seq, attempt, effects } of history) {
    const instant = Date.parse(at);
    const name = `${event === 'backoff-over' ? 'retry' : 'timeout'} ${step}.${phase}.${event === 'backoff-over' ? '' : `${execution}.${attempt}`}`;
    const dueAt = due.get(name);
    if ((event === 'timed-out' || event === 'backoff-over') && dueAt !== undefined) {
      v15.look(instant < dueAt - ROUNDING_MS && `${shown(saga)}: '${event}' of ${step} (entry ${seq}) is ${dueAt - instant} ms early`);
      if (!index.isInFault(dueAt, GRACE_MS) && !index.isInFault(instant, GRACE_MS)) lateness.push(instant - dueAt);
    }
    for (const effect of effects) {
      const planned = definition?.steps.find((each) => each.name === effect.step);
      const timeoutMs = (effect.phase === 'action' ? planned?.action : effect.phase === 'compensation' ? planned?.compensation : undefined)
        ?.timeoutMs;
      if (effect.do === 'sent' && timeoutMs !== undefined)
        due.set(`timeout ${effect.step}.${effect.phase}.${effect.execution}.${effect.attempt}`, instant + timeoutMs);
      if (effect.do === 'will-retry' && effect.at !== undefined) due.set(`retry ${effect.step}.${effect.phase}.`, Date.parse(effect.at));
    }
  }
}
